// SPDX-License-Identifier: Apache-2.0
/** A lamp that is switched from the cloud and at the wall, and says what it is. */
import { boolean, Device, model, number } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import host from "moorline/host";

/** Whoever switched last has his way, here or in the cloud, even if the two were apart meanwhile. */
const lamp = model({
	on: boolean({ merge: "last" }),
	brightness: number({ merge: "last" }),
});

const device = new Device({
	host,
	cloud: privateCloud(),
	firmware: { product: "lamp", version: "1.0.0" },
	model: lamp,
	onConnected() {
		host.trace(`${device.id}: connected`);
	},
	onDelta(delta) {
		const { on, brightness } = { ...device.reported, ...delta };
		host.trace(`${device.id}: on=${on} brightness=${brightness}`);
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

// After a reset it is what it was before, with or without a network.
device.report({ on: false, brightness: 100, ...device.reported });
