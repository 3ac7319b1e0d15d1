import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lockPage } from "./header.ts";
import { PageOrder } from "./page-order.ts";
import { PageCoverage } from "./restore/page-coverage.ts";
import { headerOf } from "../../test/support/ltx-fixture.ts";

const PAGE_SIZE = 65_536;
const LOCKED = lockPage(PAGE_SIZE);

/** A snapshot's, with every page before the lock page taken. */
function orderUpToLock(commit: number): PageOrder {
  const order = new PageOrder(headerOf({ pageSize: PAGE_SIZE, commit }));
  for (let pgno = 1; pgno < LOCKED; pgno++) assert.equal(order.accept(pgno), undefined);
  return order;
}

describe("the pages of a snapshot", () => {
  it("go on behind the lock page, which is never one of them", () => {
    const order = orderUpToLock(LOCKED + 1);
    assert.match(order.accept(LOCKED)!, /is the lock page/);
    assert.match(order.finish()!, /ends behind page/);
    assert.equal(order.accept(LOCKED + 1), undefined);
    assert.equal(order.finish(), undefined);
  });

  it("are complete without the lock page where that is the last", () => {
    assert.equal(orderUpToLock(LOCKED).finish(), undefined);
    assert.match(orderUpToLock(LOCKED + 2).finish()!, /ends behind page/);
  });
});

describe("the pages of a chain", () => {
  it("are complete when every page behind the snapshot was in a file, but for the lock page", () => {
    const coverage = new PageCoverage({ pageSize: PAGE_SIZE, commit: LOCKED - 2 });
    assert.equal(coverage.firstMissing(LOCKED - 2), undefined);
    assert.equal(coverage.firstMissing(LOCKED - 1), LOCKED - 1);
    coverage.add(LOCKED - 1);
    coverage.add(3);
    assert.equal(coverage.firstMissing(LOCKED), undefined);
    assert.equal(coverage.firstMissing(LOCKED + 1), LOCKED + 1);
    coverage.add(LOCKED + 90_000);
    for (let pgno = LOCKED + 1; pgno < LOCKED + 90_000; pgno++) coverage.add(pgno);
    assert.equal(coverage.firstMissing(LOCKED + 90_000), undefined);
    assert.equal(coverage.firstMissing(LOCKED + 90_001), LOCKED + 90_001);
  });
});
