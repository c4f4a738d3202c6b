// SPDX-License-Identifier: Apache-2.0
/** Writes a value, restarts the device, and must not come further. */
import host from "../../../hosts/node/index.js";

host.trace(`${host.system.resetReason}`);
host.storage.open({ path: "restart" }).write("before", new Uint8Array([1]));
host.timer.repeat(() => {}, 1_000);
host.system.restart();
host.trace("after restart");
