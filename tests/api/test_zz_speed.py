import time, threading, resource
from concurrent.futures import ThreadPoolExecutor
from tests.api.conftest import *
from tests.desk import family
def test_speed(api):
    forms=[family(n) for n in range(300)]
    api.file(forms[0], key="w")
    import cProfile
    for conc in (1,8):
        c0=time.process_time(); t0=time.perf_counter()
        rng = range(1,151) if conc==1 else range(151,300)
        def one(n):
            a=time.perf_counter(); r=api.file(forms[n], key=f"{conc}-{n}"); assert r.status_code==201; return time.perf_counter()-a
        with ThreadPoolExecutor(conc) as ex: took=sorted(ex.map(one, rng))
        t=time.perf_counter()-t0; c=time.process_time()-c0
        print(f"conc {conc}: {len(took)/t:.0f}/s p50 {took[len(took)//2]*1e3:.1f} ms p95 {took[int(len(took)*.95)]*1e3:.1f} ms; cpu incl. client {c/len(took)*1e3:.2f} ms each")
    case_no=api.filed(family(301), key="x")
    for path in (f"/api/v1/cases/{case_no}", "/healthz", "/api/v1/session"):
        t0=time.perf_counter(); c0=time.process_time()
        for _ in range(200): api.by("desk-1").get(path)
        print(path[:20], f"{(time.perf_counter()-t0)*5:.2f} ms each, cpu {(time.process_time()-c0)*5:.2f}")
