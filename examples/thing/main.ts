// SPDX-License-Identifier: Apache-2.0
/**
 * A thing of AWS IoT that comes from the factory with a claim: it gets a certificate of its own, measures as often as
 * its settings say, does jobs, and answers commands.
 */
import { Device, model, number } from "moorline";
import { aws } from "moorline/clouds/aws";
import host from "moorline/host";

/** What the thing counts: both sides may add to it, and none of it is lost. */
const counters = model({ starts: number({ merge: "sum" }) });
/** What the cloud has to say, kept apart from it. */
const settings = model({ intervalSeconds: number({ merge: "cloud" }) });

const device = new Device({
	host,
	cloud: aws({ provisioningTemplate: "things" }),
	firmware: { product: "thing", version: "1.0.0" },
	model: counters,
	provisioning: { parameters: { SerialNumber: host.system.identifier } },
	onProvisioned(id) {
		host.trace(`${id}: provisioned`);
	},
	onConnected() {
		host.trace(`${device.id}: connected`);
	},
	onSync(version) {
		host.trace(`${device.id}: in sync at version ${version}`);
	},
	onJob(job) {
		host.trace(`${device.id}: job ${job.id}`);
		if (job.document["operation"] === "restart") job.succeed();
		else job.reject({ reason: "unknown operation" });
	},
	onJobFinished(job) {
		host.trace(`${device.id}: job ${job.id} ${job.status}`);
		if (job.status === "SUCCEEDED") host.system.restart();
	},
	jobMembers: ["operation"],
	onCommand(command) {
		host.trace(`${device.id}: command ${command.id}`);
		command.succeed({ now: `${host.time.now()}` });
	},
	onDisconnected(error, delay) {
		host.trace(`${device.id}: ${error.code}: ${error.message}; again in ${delay} ms`);
	},
	onError(error) {
		host.trace(`${device.id}: ${error.code}: ${error.message}`);
	},
});
device.report({ starts: (device.reported.starts ?? 0) + 1 });

const config = device.shadow("settings", {
	model: settings,
	onDelta(delta) {
		host.trace(`${device.id}: every ${delta.intervalSeconds} s`);
		config.report(delta);
	},
});
config.report({ intervalSeconds: 60, ...config.reported });
