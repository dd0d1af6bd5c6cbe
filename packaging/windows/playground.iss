; Inno Setup 6 makes an installer from dist\gm-playground:  iscc packaging\windows\playground.iss
; Untested: see packaging\windows\README.md.
#define Name "Generative Models Playground"
#define Version "0.1.0"

[Setup]
AppId=io.github.generative_models_playground.Playground
AppName={#Name}
AppVersion={#Version}
AppPublisher=Generative Models Playground contributors
DefaultDirName={autopf}\{#Name}
DefaultGroupName={#Name}
; No administrator is needed: students install it for themselves.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
LicenseFile=..\..\LICENSE
SetupIconFile=..\icons\app.ico
UninstallDisplayIcon={app}\gm-playground.exe
OutputDir=..\..\dist
OutputBaseFilename=gm-playground-{#Version}-setup
Compression=lzma2
SolidCompression=yes
WizardStyle=modern

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[Files]
Source: "..\..\dist\gm-playground\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\{#Name}"; Filename: "{app}\gm-playground.exe"
Name: "{autodesktop}\{#Name}"; Filename: "{app}\gm-playground.exe"; Tasks: desktopicon

[Run]
Filename: "{app}\gm-playground.exe"; Description: "{cm:LaunchProgram,{#Name}}"; Flags: postinstall nowait skipifsilent
