#!/bin/sh
# Lays libraries over Wine's in the prefix $WINEPREFIX: Wine's own, renamed, behind ones that have
# what Wine 8 lacks. For trying the Windows installer alone. Prints the overrides to use.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
system=$WINEPREFIX/drive_c/windows/system32
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
build() { # build NAME SOURCE DEF
  x86_64-w64-mingw32-gcc -O1 -shared -static-libgcc -nostartfiles -e DllMainCRTStartup \
    -o "$scratch/$1.dll" "$here/$2" "$3" -ladvapi32
  cp "$scratch/$1.dll" "$system/"
}
overlay() { # overlay NAME SOURCE FILE-WITH-OURS
  # no longer marked as Wine's, so that it is looked for under its new name
  sed 's/Wine builtin DLL/Wine renamed DLL/' "$system/$1.dll" > "$scratch/$1orig.dll"
  sed -n 's/^\([A-Za-z][A-Za-z0-9]*\) =.*/\1/p' "$3" | sort > "$scratch/ours"
  {
    echo "LIBRARY $1"
    echo 'EXPORTS'
    sed -n 's/^\([A-Za-z]\)/  \1/p' "$3"
    x86_64-w64-mingw32-objdump -p "$system/$1.dll" |
      sed -n '/Ordinal\/Name Pointer/,$s/^[[:space:]]*\[ *[0-9]*\].*[[:space:]]\([^[:space:]]*\)[[:space:]]*$/\1/p' |
      LC_ALL=C sort -u | LC_ALL=C comm -23 - "$scratch/ours" | sed "s/\\(.*\\)/  \"\\1\" = \"$1orig.\\1\"/"
  } > "$scratch/$1.def"
  cp "$scratch/$1orig.dll" "$system/"
  build "$1" "$2" "$scratch/$1.def"
}
export LC_ALL=C
overlay ucrtbase wine_math.c "$here/wine_math.def"
echo 'VariantToString = my_VariantToString' > "$scratch/propsys.ours"
overlay propsys wine_others.c "$scratch/propsys.ours"
printf 'LIBRARY bcryptprimitives\nEXPORTS\n  ProcessPrng\n' > "$scratch/random.def"
build bcryptprimitives wine_others.c "$scratch/random.def"
echo 'ucrtbase,ucrtbaseorig,propsys,propsysorig,bcryptprimitives=n,b'
