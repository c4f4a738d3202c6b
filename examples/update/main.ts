// SPDX-License-Identifier: Apache-2.0
/**
 * The lamp as a product: its firmware is updated from the cloud, and goes back by itself when it is no good; it blinks
 * on command, and tells what it did, and what it died of.
 */
import { boolean, command, Device, model, number, type Call } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";
import { blinkTime, keys, version } from "./product.js";

/** Percent of a download between two words about it. */
const STEP = 5;

const lamp = model({
	on: boolean({ merge: "last" }),
	brightness: number({ merge: "last" }),
});

const blinking = model({ times: number() });

let told = -1;

function blink(call: Call<typeof blinking>, done: number): void {
	if (done === call.parameters.times) return call.succeed();
	log.debug("blinks", { done });
	host.timer.set(() => blink(call, done + 1), blinkTime(done));
}

const device = new Device({
	host,
	cloud: privateCloud(),
	firmware: { product: "lamp", version, keys },
	model: lamp,
	update: {
		onProgress(received, total) {
			const percent = Math.floor(received / total * 100 / STEP) * STEP;
			if (percent !== told) host.trace(`${device.id}: ${percent} % of ${total} bytes`);
			told = percent;
		},
		onRestart(next) {
			host.trace(`${device.id}: restarts into ${next}`);
		},
		onEnd(next, reason) {
			host.trace(`${device.id}: ${next} ${reason === undefined ? "is installed" : `failed: ${reason}`}`);
		},
	},
	commands: {
		blink: command({ parameters: blinking, handler: (call) => blink(call, 0) }),
	},
	log: { flash: { partition: "state" } },
	heartbeat: {},
	onConnected() {
		host.trace(`${device.id}: connected`);
	},
	onDelta(delta) {
		const { on, brightness } = { ...device.reported, ...delta };
		host.trace(`${device.id}: on=${on} brightness=${brightness}`);
		device.report(delta);
	},
	// Connected and in sync: by that a new version shows that it is healthy.
	onSync(documentVersion) {
		host.trace(`${device.id}: in sync at version ${documentVersion}`);
	},
	onDisconnected(error, delay) {
		host.trace(`${device.id}: ${error.code}: ${error.message}; again in ${delay} ms`);
	},
	onError(error) {
		host.trace(`${device.id}: ${error.code}: ${error.message}`);
	},
});
const log = device.log("lamp");
log.info("starts", { version, reset: host.system.resetReason });
host.trace(`${device.id}: firmware ${version}${host.images?.onTrial ? ", on trial" : ""}`);

device.report({ on: false, brightness: 100, ...device.reported });
