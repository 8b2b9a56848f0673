# Sourced: runs the parts of a whole, and says at the end what was run and how long each part took.
#   part NAME COMMAND...   a command may set `result`, which the report shows beside its name
#   report                 for the trap on EXIT
parts=()
current=''
result=''
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

report() {
  printf '\n'
  [ "${#parts[@]}" = 0 ] || printf '%s\n' "${parts[@]}"
  [ -z "$current" ] || printf ' FAILED  %s\n' "$current"
  printf '%5d s  in all\n' $((SECONDS - begun))
}
