// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: a thing's first day at AWS. It comes with a claim, gets a certificate, keeps two shadows, restarts in the
 * middle of a job, is switched before it is connected again, ends the job and answers a command.
 *
 * Word 0 is the type of the key that it makes itself, or empty: then AWS makes it.
 */
import { boolean, Device, list, model, number, string } from "moorline";
import { aws } from "moorline/clouds/aws";
import host from "moorline/host";
import { native } from "../../../hosts/xs/native.js";
import type { KeyType } from "../../../src/host.js";

const lamp = model({
	on: boolean({ merge: "last" }),
	brightness: number({ merge: "cloud" }),
	starts: number({ merge: "sum" }),
	colour: { hue: number(), saturation: number() },
});
const network = model({ name: string(), servers: list<string>() });

const keyType = native.argument(0) as KeyType | "";
/** This boot comes after the one that the job asked for. */
const isSecond = host.system.resetReason === "software";

const device = new Device({
	host,
	cloud: aws({ provisioningTemplate: "lamps", reconnect: { base: 50, cap: 50 } }),
	model: lamp,
	provisioning: { keyType: keyType === "" ? undefined : keyType, parameters: { SerialNumber: "7" } },
	onConfiguration({ colour }) {
		host.trace(`configured ${String(colour)}`);
	},
	onProvisioned(id) {
		host.trace(`provisioned ${id}`);
	},
	onDelta(delta) {
		host.trace(`delta ${JSON.stringify(delta)}`);
		device.report(delta);
	},
	onSync(version) {
		host.trace(`in sync at ${version}`);
	},
	jobMembers: ["restart", "step"],
	onJob(job) {
		if (!isSecond) {
			host.trace(`job ${job.id} begins`);
			return host.system.restart();
		}
		job.progress({ step: "restarted" });
		job.succeed({ step: "done" });
	},
	onJobFinished({ id, status }) {
		host.trace(`job ${id} ${status}`);
	},
	commandMembers: ["blink"],
	onCommand(command) {
		host.trace(`command ${JSON.stringify(command.payload)}`);
		command.progress();
		command.succeed({ blinked: true });
	},
	onError({ code, message }) {
		host.trace(`error ${code}: ${message}`);
	},
});

const nearby = device.shadow("network", {
	model: network,
	onDelta(delta) {
		nearby.report(delta);
	},
	onSync(version) {
		host.trace(`network in sync at ${version}`);
	},
});

// Before there is a connection: in the second boot, what was switched while the cloud was away.
if (isSecond) {
	device.report({ on: true, brightness: 20, starts: (device.reported.starts ?? 0) + 1 });
} else {
	device.report({ on: false, brightness: 100, starts: 1, colour: { hue: 30, saturation: 80 } });
	nearby.report({ name: "attic", servers: ["10.0.0.1"] });
}
