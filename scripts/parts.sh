# Sourced: runs the parts of a whole, and says at the end what was run and how long each part took.
#   part NAME COMMAND...   a command may set `result`, which the report shows beside its name
#   beside NAME FILE COMMAND...   runs a function of parts in a process group of its own; what it
#                          prints goes to FILE
#   joined                 waits for it, prints FILE, and takes over its parts; fails as it did
#   report                 for the trap on EXIT
parts=()
current=''
result=''
beside=''
begun=$SECONDS

part() {
  current=$1
  result=''
  local since=$SECONDS
  printf '\033[1m» %s\033[0m\n' "$current"
  "${@:2}"
  parts+=("$(printf '%5d s  %s%s' $((SECONDS - since)) "$current" "${result:+: $result}")")
  current=''
}

beside() {
  beside_name=$1 beside_file=$2
  set -m
  (
    parts=()
    trap report_parts EXIT
    "${@:3}"
  ) >"$beside_file" 2>&1 </dev/null &
  beside=$!
  set +m
}

report_parts() {
  printf '%s\n' "${parts[@]}" >"$beside_file.parts"
  [ -z "$current" ] || printf ' FAILED  %s\n' "$current" >>"$beside_file.parts"
}

joined() {
  local ended=0
  wait "$beside" || ended=$?
  beside=''
  printf '\033[1m» %s\033[0m\n' "$beside_name"
  cat "$beside_file"
  mapfile -t -O "${#parts[@]}" parts <"$beside_file.parts"
  return "$ended"
}

report() {
  [ -z "$beside" ] || kill -- "-$beside" 2>/dev/null || true
  printf '\n'
  [ "${#parts[@]}" = 0 ] || printf '%s\n' "${parts[@]}"
  [ -z "$current" ] || printf ' FAILED  %s\n' "$current"
  printf '%5d s  in all\n' $((SECONDS - begun))
}
