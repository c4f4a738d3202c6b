// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: a lamp whose firmware is updated. Its version is the first line of the image that the boot loader chose, as
 * the program itself is the same in all of them; 9.0.0 is never healthy. Word 0 is the release's key.
 */
import { Device } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";
import { native } from "../../../hosts/xs/native.js";

/** Behind the image's header. */
const CONTENT = 16;
const VERSION_LENGTH = 5;

const line = new Uint8Array(VERSION_LENGTH);
const running = host.flash.open({ path: "running" });
running.read(line, CONTENT);
running.close();
const version = host.text.decode(line, 0, VERSION_LENGTH);
host.trace(`boot ${version}${host.images!.onTrial ? " on trial" : ""}, ${host.system.resetReason}`);

const device = new Device({
	host,
	cloud: privateCloud({ reconnect: { base: 50, cap: 50 } }),
	firmware: { product: "lamp", version, keys: [native.argument(0)!] },
	update: {
		...(version === "9.0.0" ? { health: "manual" as const, healthTimeout: 1_000 } : {}),
		onProgress(received, total) {
			host.trace(`received ${received} of ${total}`);
		},
		onEnd(next, reason) {
			host.trace(`end of ${next}: ${reason ?? "done"}`);
		},
	},
	onError({ code, message }) {
		host.trace(`error ${code}: ${message}`);
	},
});
device.report({ on: false });
