#!/bin/sh
ended=''
trap '[ -n "$ended" ] || { echo "error: the file ends early; nothing was installed" >&2; exit 1; }' EXIT
# edgefair @VERSION@ for Linux on @MACHINE@. Start it by:  sh @FILE@
# Needs no internet, no Python and no administrator. Research use only; not a medical device.
# This script checks the file and the computer; the Python that the file carries does the rest.
# A shell reads a script bit by bit. What is done stands in a function, so that all of it is there
# before any of it is done, and a file that ends before its last line is not taken for success.
set -eu
umask 022

say() { [ -n "$silent" ] || printf '%s\n' "$1"; }
warn() { printf 'warning: %s\n' "$1" >&2; }
at_least() { # MAJOR.MINOR MAJOR MINOR
  [ "${1%%.*}" -gt "$2" ] || { [ "${1%%.*}" -eq "$2" ] && [ "${1#*.}" -ge "$3" ]; }
}
stop() {
  ended=yes
  printf 'error: %s\n' "$1" >&2
  [ -z "${2-}" ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}
c_library() {
  getconf GNU_LIBC_VERSION 2>/dev/null && return
  # where there is no ldd, the shell's complaint would name this file, whose name tells a version
  ! command -v ldd >/dev/null 2>&1 || ldd --version 2>&1 | head -n 1
}
has_loader() {
  for loader in /lib*/ld-linux-* /lib*/*/ld-linux-*; do [ ! -e "$loader" ] || return 0; done
  return 1
}
usage() {
  ended=yes
  cat <<'END'
sh @FILE@ [OPTIONS]

  --root DIR         where to install   [~/.local/share/edgefair]
  --silent           say one line, or what is wrong
  --no-desktop       no launcher, menu entry and completion
  --check            check file and computer, install nothing
  --allow-unsigned   for builders: take a file that nobody signed
END
}

main() {
  root=${EDGEFAIR_HOME:-${XDG_DATA_HOME:-${HOME-}/.local/share}/edgefair}
  silent='' check='' allow='' desktop=''
  while [ $# -gt 0 ]; do
    case $1 in
      --root) [ $# -gt 1 ] || { usage >&2; exit 2; }; root=$2; shift ;;
      --root=*) root=${1#--root=} ;;
      --silent) silent=--silent ;;
      --no-desktop) desktop=--no-desktop ;;
      --check) check=yes ;;
      --allow-unsigned) allow=--allow-unsigned ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  case $root in
    /*) ;;
    *) root=$PWD/$root ;;
  esac
  case $0 in
    /*) file=$0 ;;
    *) file=$PWD/$0 ;;
  esac
  [ -f "$file" ] || stop "The installer cannot find itself." "Start it by: sh /path/to/@FILE@"

  # --- the computer -----------------------------------------------------------------------------
  [ "$(uname -s)" = Linux ] || stop "This file is for Linux." "Windows has a file of its own."
  machine=$(uname -m)
  [ "$machine" = '@MACHINE@' ] ||
    stop "This computer's processor is of the kind $machine; this file is for @MACHINE@." \
      "Take the file whose name ends in $machine, if there is one."
  if [ -r /proc/cpuinfo ] && [ -z "${EDGEFAIR_SKIP_CPU-}" ]; then
    flags=" $(sed -n 's/^\(flags\|Features\)[[:space:]]*: *//p' /proc/cpuinfo | head -n 1) "
    lacks=''
    for flag in @CPU_FLAGS@; do
      case $flags in *" $flag "*) ;; *) lacks="$lacks $flag" ;; esac
    done
    [ -z "$lacks" ] || stop "This computer's processor lacks:$lacks." \
      "Processors for PCs have them since about 2009. edgefair needs a newer computer."
  fi
  glibc=$(c_library)
  glibc=$(printf '%s\n' "$glibc" | sed -n 's/.*[^0-9.]\([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
  if [ -n "$glibc" ]; then
    at_least "$glibc" @GLIBC_FLOOR@ ||
      stop "This Linux is too old: its C library is $glibc, edgefair needs @GLIBC@ or newer." \
        "Take Debian 11, Ubuntu 20.04, Fedora 32, RHEL 9 or anything newer."
    at_least "$glibc" @GLIBC_TRIED@ ||
      warn "edgefair was never tried on a C library as old as $glibc; the test that it makes of itself decides."
  elif ! has_loader; then
    stop "This Linux has no GNU C library." \
      "Alpine and other small systems have another one; take Debian, Ubuntu, Fedora or the like."
  fi
  memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null || :)
  [ "${memory:-9999999}" -ge $((@MEMORY_MB@ * 1000)) ] ||
    stop "This computer has $((memory / 1024)) MB of memory; edgefair needs @MEMORY_MB@ MB."
  place=$root
  while [ ! -d "$place" ]; do place=$(dirname "$place"); done
  [ -w "$place" ] || stop "You may not write in $place." "Name another place by --root DIR."
  free=$(df -Pk "$place" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9]*% .*/\1/p')
  [ "${free:-9999999999}" -ge @DISK_KB@ ] ||
    stop "$place has $((free / 1024)) MB free; edgefair needs $((@DISK_KB@ / 1024)) MB." \
      "Free some space, or name another place by --root DIR."

  # --- the file ---------------------------------------------------------------------------------
  say 'Checking the file ...'
  payload=$((@FIRST_BYTES@ + @SECOND_BYTES@))
  size=$(wc -c < "$file") || stop "The file cannot be read." "Was the stick pulled out?"
  [ "$size" -ge $((@HEADER_BYTES@ + payload)) ] ||
    stop "The file ends early: $size bytes instead of $((@HEADER_BYTES@ + payload)) or more." \
      "Copy it again from where it came."
  sum=$(tail -c +$((@HEADER_BYTES@ + 1)) "$file" | head -c "$payload" | sha256sum) || sum=
  [ "${sum%% *}" = '@DIGEST@' ] ||
    stop "The file is damaged: its SHA-256 is not what its builder wrote down." \
      "Copy it again from where it came."
  if [ -n "$check" ]; then
    say 'The file is whole and this computer has what edgefair needs. Nothing was installed.'
    ended=yes
    exit 0
  fi

  # --- Python and what checks the signature, unpacked beside everything that is there -----------
  mkdir -p "$root/releases" || stop "You may not write in $root." "Name another place by --root DIR."
  staged=$root/releases/.tmp-$$
  rm -rf "$staged"
  ended=yes
  trap 'rm -rf "$staged"' EXIT
  trap 'exit 130' INT TERM HUP
  mkdir "$staged"
  tail -c +$((@HEADER_BYTES@ + 1)) "$file" | head -c @FIRST_BYTES@ | gzip -dc |
    tar -xof - -C "$staged" || stop "The file could not be unpacked." "Is the disk full?"
  "$staged/python/python" -c 'print()' >/dev/null ||
    stop "Programs in $root cannot be started." \
      "Ask who set up this computer whether that folder is mounted noexec, or use --root DIR."
  # shellcheck disable=SC2086
  "$staged/python/python" -m edgefair_installer install --root "$root" --staged "$staged" \
    --payload "$file" --offset $((@HEADER_BYTES@ + @FIRST_BYTES@)) \
    $silent $allow $desktop && code=0 || code=$?
  trap - EXIT
  rm -rf "$staged"
  exit "$code"
}

main "$@"
