"""Four that scrape every 10 ms: all are answered, and what is listed is served meanwhile."""

import threading
from pathlib import Path

import httpx

from lbdisc.testing.processes import free_port
from support.scene import Scene, lost

SCRAPERS, EVERY = 4, 0.01  # seconds


def test_who_scrapes_without_end_holds_up_no_change_and_no_request(tmp_path: Path) -> None:
    port, over, codes = free_port(), threading.Event(), list[int]()

    def scrape() -> None:
        with httpx.Client(timeout=60) as client:
            while not over.wait(EVERY):
                codes.append(client.get(f"http://127.0.0.1:{port}/metrics").status_code)

    with Scene(tmp_path, metrics={"bind": str(port)}) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        scrapers = [threading.Thread(target=scrape) for _ in range(SCRAPERS)]
        for each in scrapers:
            each.start()
        try:
            with scene.traffic(rate=50) as traffic:
                scene.join("s2", "s3")
                scene.until_up("s1", "s2", "s3")
                scene.unlist("s2")
                scene.until_up("s1", "s3")
        finally:
            over.set()
            for each in scrapers:
                each.join()
    assert (set(codes), lost(traffic)) == ({200}, [])
