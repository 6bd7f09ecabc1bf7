/* Complex functions that Wine 8's C runtime declares and does not have; for trying the Windows
   installer under Wine alone, and never part of it. Structures are passed as Microsoft's compiler
   passes its complex types; the mathematics is that of MinGW's library. */
#include <complex.h>

typedef struct { double re, im; } pair;
typedef struct { float re, im; } pairf;

static double complex in(pair z) { return __builtin_complex(z.re, z.im); }
static pair out(double complex z) { return (pair){__builtin_creal(z), __builtin_cimag(z)}; }
static pair wide(pairf z) { return (pair){z.re, z.im}; }
static pairf narrow(pair z) { return (pairf){(float)z.re, (float)z.im}; }

#define REAL(name, of)                                                          \
  double my_##name(pair z) { return of(in(z)); }                                \
  float my_##name##f(pairf z) { return (float)of(in(wide(z))); }
#define UNARY(name)                                                             \
  pair my_##name(pair z) { return out(name(in(z))); }                           \
  pairf my_##name##f(pairf z) { return narrow(out(name(in(wide(z))))); }

REAL(cabs, cabs)
REAL(carg, carg)
REAL(creal, __builtin_creal)
REAL(cimag, __builtin_cimag)
UNARY(cacos)
UNARY(casin)
UNARY(catan)
UNARY(ccos)
UNARY(ccosh)
UNARY(cexp)
UNARY(clog)
UNARY(csin)
UNARY(csinh)
UNARY(csqrt)
UNARY(ctan)
UNARY(ctanh)

pair my_cpow(pair z, pair w) { return out(cpow(in(z), in(w))); }
pairf my_cpowf(pairf z, pairf w) { return narrow(out(cpow(in(wide(z)), in(wide(w))))); }

int __stdcall DllMainCRTStartup(void *a, unsigned b, void *c) { return 1; }
