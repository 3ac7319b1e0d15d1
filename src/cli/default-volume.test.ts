import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultVolume } from "./default-volume.ts";

const ada = { uid: 1000, accountHome: "/home/ada" };

describe("the default volume", () => {
  it("lies in the user's XDG data directory, where a relative one is ignored", () => {
    assert.deepEqual(defaultVolume({ ...ada, env: { HOME: "/home/ada" } }), {
      url: "file:///home/ada/.local/share/shoal/default",
      note: undefined,
    });
    const set = defaultVolume({ ...ada, env: { HOME: "/home/ada", XDG_DATA_HOME: "/data/a b" } });
    assert.equal(set.url, "file:///data/a%20b/shoal/default");
    const relative = defaultVolume({ ...ada, env: { XDG_DATA_HOME: "data" } });
    assert.equal(relative.url, "file:///home/ada/.local/share/shoal/default");
  });

  it("lies in the account's home where $HOME is empty or relative", () => {
    for (const HOME of ["", "rel", "./x"]) {
      const { url } = defaultVolume({ ...ada, env: { HOME } });
      assert.equal(url, "file:///home/ada/.local/share/shoal/default", JSON.stringify(HOME));
    }
  });

  it("is root's under sudo, even when sudo kept the caller's HOME, and says so", () => {
    const sudo = { uid: 0, accountHome: "/root", env: { HOME: "/home/ada", SUDO_USER: "ada" } };
    const { url, note } = defaultVolume(sudo);
    assert.equal(url, "file:///root/.local/share/shoal/default");
    assert.match(note!, /root's default volume.*not ada's/u);
  });

  it("says nothing to root without sudo, nor to a user whose environment names one", () => {
    assert.equal(defaultVolume({ uid: 0, accountHome: "/root", env: {} }).note, undefined);
    assert.equal(defaultVolume({ ...ada, env: { SUDO_USER: "bob" } }).note, undefined);
  });
});
