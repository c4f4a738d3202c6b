// SPDX-License-Identifier: Apache-2.0
/** A lamp that is updated from the cloud, and tells of it. */
import { boolean, Device, model } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";
import { key, version } from "./build.js";

function tell(what: string): void {
	host.trace(`lamp ${version}: ${what}`);
}

tell(host.images!.onTrial ? "boots on trial" : "boots");
const device = new Device({
	host,
	cloud: privateCloud(),
	firmware: { product: "lamp", version, keys: [key] },
	model: model({ on: boolean() }),
	update: {
		onRestart(next) { tell(`restarts for ${next}`); },
		onEnd(next, reason) { tell(`${next} ended with ${reason ?? "success"}`); },
	},
	onSync() { tell("in sync"); },
	onError({ code, message }) { tell(`${code}: ${message}`); },
});
device.report({ on: false });
