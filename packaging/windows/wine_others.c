/* What Wine 8 lacks beside complex functions; for trying the Windows installer alone, and never
   part of it. onnxruntime asks for the names of graphics devices, and hears that there is none;
   cryptography asks for random bytes, and gets the system's. */
#include <windows.h>

HRESULT WINAPI my_VariantToString(const void *variant, PWSTR text, UINT size) { return E_FAIL; }

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);
BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T size) { return SystemFunction036(buffer, (ULONG)size); }

BOOL WINAPI DllMainCRTStartup(HINSTANCE a, DWORD b, LPVOID c) { return TRUE; }
