#!/usr/bin/env bash
# Registers the sandbox's tills with a merchant for each, its gates, library desks and door locks, at
# schools that are imported, and gives people of each demo roster the right to the gate, and the first
# two of them to more doors; safe to repeat.
#   scripts/register-tills.sh ONECARD CONFIG SANDBOX_DIR SCHOOL…
set -euo pipefail
onecard=$1 config=$2 keys=$3
shift 3
demo=$(dirname "$0")/../schools/demo
run() { "$onecard" --config "$config" "$@"; }
for school in "$@"; do
  run merchant add --school "$school" --code canteen-1 --name 第一食堂
  # The keys are throwaway: where they were made anew, the new ones count.
  run terminal add --school "$school" --id T1 --kind pos \
    --public-key "$keys/tills/$school.pem" --merchant canteen-1 --replace
  run terminal add --school "$school" --id G1 --kind gate \
    --public-key "$keys/gates/$school.pem" --door-group 东三栋 --replace
  run terminal add --school "$school" --id L1 --kind library \
    --public-key "$keys/desks/$school.pem" --door-group 图书馆 --replace
  run door locks import --school "$school" "$demo/locks.csv"
  rights=$(mktemp)
  {
    echo student_no,door_group
    # Every tenth lives elsewhere, as in the weeks that onecard-demo makes.
    awk -F, 'NR > 1 && NR % 10 != 1 { print $1 ",东三栋" }
      NR == 2 || NR == 3 { print $1 ",东三栋402"; print $1 ",自习室" }' "$demo/$school-roster.csv"
  } >"$rights"
  run door rights import --school "$school" "$rights"
  rm "$rights"
done
