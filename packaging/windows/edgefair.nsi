; edgefair for Windows 10 and 11, 64 bit. Built on Linux by makensis; no administrator is needed.
; This script checks the computer and unpacks beside what is there; the Python that is unpacked
; checks every file and the signature, lets the new version test itself, and switches. A folder is
; no version before the file `current` names it.
; Silent: edgefair-VERSION-windows-x86_64.exe /S [/ALLOWUNSIGNED]
Target amd64-unicode
!include "WinVer.nsh"
!include "x64.nsh"
!include "FileFunc.nsh"
!include "LogicLib.nsh"

Name "edgefair ${VERSION}"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\edgefair"
RequestExecutionLevel user
SetCompressor ${COMPRESSOR}
!if "${COMPRESSOR}" != "zlib"
  SetCompressorDictSize 32
!endif
SetDatablockOptimize on
SetDateSave off
CRCCheck force
ShowInstDetails show
BrandingText "Research use only. Not a medical device."
LoadLanguageFile "${NSISDIR}/Contrib/Language files/English.nlf"
LoadLanguageFile "${NSISDIR}/Contrib/Language files/French.nlf"
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\edgefair"
Var staged
Var options

!macro Stop text
  ; kept in a file too, for whoever sets up many computers silently
  DetailPrint "${text}"
  FileOpen $9 "$TEMP\edgefair-install.log" w
  FileWriteUTF16LE /BOM $9 "${text}$\r$\n"
  FileClose $9
  MessageBox MB_OK|MB_ICONSTOP "${text}" /SD IDOK
  SetErrorLevel 1
  Abort "${text}"
!macroend

Function CheckComputer
  ${IfNot} ${RunningX64}
    !insertmacro Stop "This Windows is a 32-bit one; edgefair needs 64 bit."
  ${EndIf}
  ${IfNot} ${AtLeastWin10}
    !insertmacro Stop "This Windows is too old; edgefair needs Windows 10 or 11."
  ${EndIf}
  System::Call "kernel32::IsProcessorFeaturePresent(i 38) i .r0"
  ${If} $0 = 0
    !insertmacro Stop "This computer's processor lacks SSE4.2, which PCs have since about 2009."
  ${EndIf}
  System::Alloc 64
  Pop $1
  System::Call "*$1(i 64)"
  System::Call "kernel32::GlobalMemoryStatusEx(p r1) i .r0"
  System::Call "*$1(i, i, l .r2)"
  System::Free $1
  System::Int64Op $2 / 1048576
  Pop $2
  ${If} $2 < ${MEMORY_MB}
    !insertmacro Stop "This computer has $2 MB of memory; edgefair needs ${MEMORY_MB} MB."
  ${EndIf}
  ${GetRoot} "$INSTDIR" $3
  ${DriveSpace} "$3\" "/D=F /S=M" $4
  ${If} $4 < ${DISK_MB}
    !insertmacro Stop "The disk has $4 MB free; edgefair needs ${DISK_MB} MB."
  ${EndIf}
FunctionEnd

Section
  Call CheckComputer
  ${GetParameters} $5
  StrCpy $options ""
  ClearErrors
  ${GetOptions} $5 "/ALLOWUNSIGNED" $6
  ${IfNot} ${Errors}
    StrCpy $options "--allow-unsigned"
  ${EndIf}
  System::Call "kernel32::GetCurrentProcessId() i .r7"
  ; never the name of a version that is there: nothing of it is touched
  StrCpy $staged "$INSTDIR\releases\${NAME}-$7"
  ${While} ${FileExists} "$staged"
    StrCpy $staged "$stagedx"
  ${EndWhile}
  ClearErrors
  !include "${FILES}"
  ${If} ${Errors}
    RMDir /r "$staged"
    !insertmacro Stop "edgefair could not be unpacked. Is the disk full?"
  ${EndIf}
  SetOutPath "$INSTDIR"
  nsExec::ExecToLog '"$staged\python\python.exe" -X utf8 -m edgefair_installer install --root "$INSTDIR" --staged "$staged" --log "$TEMP\edgefair-install.log" $options'
  Pop $0
  ; 3: it is installed and current, and a ledger is not up to date yet
  ${If} $0 != 0
  ${AndIf} $0 != 3
    RMDir /r "$staged"
    ; the installer has written its own words to the file
    DetailPrint "edgefair was not installed; what was there before is as it was."
    MessageBox MB_OK|MB_ICONSTOP "edgefair was not installed; what was there before is as it was. Why stands in $TEMP\edgefair-install.log" /SD IDOK
    SetErrorLevel 1
    Abort
  ${EndIf}
  CreateDirectory "$INSTDIR\data"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  SetOutPath "$INSTDIR\data"
  CreateShortcut "$SMPROGRAMS\edgefair.lnk" "$SYSDIR\cmd.exe" '/k "set "PATH=$INSTDIR\bin;%PATH%" && edgefair --help"'
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "edgefair"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
  ${If} $0 == 3
    DetailPrint "A ledger is not up to date yet. Which one stands in $TEMP\edgefair-install.log"
    SetErrorLevel 3
  ${EndIf}
SectionEnd

Section "Uninstall"
  ; without the pointer the launcher says that nothing is installed, wherever this stops
  Delete "$INSTDIR\current"
  Delete "$SMPROGRAMS\edgefair.lnk"
  DeleteRegKey HKCU "${UNINSTALL}"
  RMDir /r "$INSTDIR\releases"
  RMDir /r "$INSTDIR\bin"
  RMDir /r "$INSTDIR\release-keys"
  RMDir /r "$INSTDIR\models"
  RMDir /r "$INSTDIR\trust"
  RMDir /r "$INSTDIR\known-ledgers"
  Delete "$INSTDIR\install.lock"
  Delete "$INSTDIR\models.lock"
  Delete "$INSTDIR\uninstall.exe"
  SetOutPath "$TEMP"
  ; the ledger stays: folders go only if they are empty
  RMDir "$INSTDIR\data"
  RMDir "$INSTDIR"
SectionEnd
