// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: a lamp that is in sync, and then gets an update over its connection. Word 1 is the release's key. */
import { Device } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import { native } from "../../hosts/xs/native.js";
import host from "./xs-host.js";
import { TEN } from "./xs-model.js";

let synced = false;
const device = new Device({
	host, cloud: privateCloud(), model: TEN,
	firmware: { product: "lamp", version: "1.0.0", keys: [native.argument(1)!] },
	update: {
		onRestart: () => host.trace("ready: installed"),
		onEnd: (version, reason) => host.trace(`update to ${version} ended: ${reason ?? "done"}`),
	},
	onDelta: (delta) => device.report(delta),
	onSync: () => {
		if (!synced) host.trace("ready: in sync");
		synced = true;
	},
});
device.report({ on: false, brightness: 70, starts: 1, interval: 60, name: "attic", colour: { hue: 30, saturation: 80 } });
