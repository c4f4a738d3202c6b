// SPDX-License-Identifier: Apache-2.0
/**
 * A lamp whose firmware is updated, as an image of Node: what a test puts for the words in capitals makes it another one.
 * It says what happens to it, line by line.
 */
import { Device } from "moorline";
import { aws } from "moorline/clouds/aws";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";

const version: string = "VERSION";
const key: string = "RELEASE-KEY";
const cloud: string = "CLOUD";
const reconnect = { base: 50, cap: 50 };

host.trace(`boot ${version}${host.images!.onTrial ? " on trial" : ""}, ${host.system.resetReason}`);
if (version === "6.6.6") throw new Error("a mistake");

const device = new Device({
	host,
	cloud: cloud === "aws" ? aws({ reconnect }) : privateCloud({ reconnect }),
	firmware: { product: "lamp", version, keys: [key] },
	update: {
		// At AWS somebody else says when it is healthy, so that a test sees what comes before that.
		health: cloud === "aws" ? "manual" : "auto",
		onProgress(received, total) {
			host.trace(`received ${received} of ${total}`);
		},
		onEnd(next, reason) {
			host.trace(`end of ${next}: ${reason ?? "done"}`);
		},
	},
	onDelta(delta) {
		if (delta["healthy"] === version) device.update.confirm();
		device.report(delta);
	},
	onError({ code, message }) {
		host.trace(`error ${code}: ${message}`);
	},
});
device.report({ on: false });
