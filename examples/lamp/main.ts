// SPDX-License-Identifier: Apache-2.0
/** A lamp that is switched from the cloud, and says what it does. */
import { Device, type JSONObject } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";

const lamp: JSONObject = { on: false, brightness: 100 };

const device = new Device({
	host,
	cloud: privateCloud(),
	firmware: { product: "lamp", version: "1.0.0" },
	onConnected() {
		host.trace(`${device.id}: connected`);
		device.report(lamp);
	},
	onDelta(delta) {
		for (const member of ["on", "brightness"]) {
			const value = delta[member];
			if (value !== undefined) lamp[member] = value;
		}
		host.trace(`${device.id}: on=${lamp["on"]} brightness=${lamp["brightness"]}`);
		device.report(delta);
	},
	onSync(version) {
		host.trace(`${device.id}: in sync at version ${version}`);
	},
	onDisconnected(error, delay) {
		host.trace(`${device.id}: ${error.code}: ${error.message}; again in ${delay} ms`);
	},
	onError(error) {
		host.trace(`${device.id}: ${error.code}: ${error.message}`);
	},
});
