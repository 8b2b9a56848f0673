#!/usr/bin/env bash
# Registers the sandbox's tills, and a merchant for each, at schools that are imported; safe to
# repeat.
#   scripts/register-tills.sh ONECARD CONFIG SANDBOX_DIR SCHOOL…
set -euo pipefail
onecard=$1 config=$2 keys=$3/tills
shift 3
for school in "$@"; do
  "$onecard" --config "$config" merchant add --school "$school" --code canteen-1 --name 第一食堂
  # The keys are throwaway: where they were made anew, the new ones count.
  "$onecard" --config "$config" terminal add --school "$school" --id T1 --kind pos \
    --public-key "$keys/$school.pem" --merchant canteen-1 --replace
done
