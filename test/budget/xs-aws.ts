// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: a device at AWS, in sync and idle, with more or less of what there is. Word 1 says with what. */
import { Device, type DeviceOptions } from "moorline";
import { aws } from "moorline/clouds/aws";
import { Client } from "moorline/mqtt";
import { native } from "../../hosts/xs/native.js";
import type { JSONObject } from "../../src/bytes/value.js";
import { readCredentials } from "../../src/identity/credentials.js";
import { parseEndpoint } from "../../src/base/url.js";
import type { AwsSubject } from "./figures.js";
import host from "./xs-host.js";
import { TEN } from "./xs-model.js";

const GROUPS = 5;
const FIELDS = 10;
const ANSWERS = ["update/delta", "get/accepted", "get/rejected", "update/accepted", "update/rejected"];
const cloud = aws();

/** The client alone, with the subscriptions of a shadow and what `aws()` sets. */
function connectClient(): void {
	const { id, endpoint, anchor, certificate, key } = readCredentials(host);
	const { name, port } = parseEndpoint(endpoint!, { mqtt: 1883, mqtts: 8883 });
	const server = { name, port, secure: { certificates: [anchor!], clientCertificates: [certificate!], clientKey: key! } };
	const client = new Client({
		host, server, clientId: id, protocol: 5, sessionExpiry: 3_600_000, inflightLength: 4_096,
		onSubscribed: () => { if (client.session.subscriptions.settled) host.trace("ready"); },
	});
	for (const answer of ANSWERS) client.subscribe(`$aws/things/${id}/shadow/${answer}`);
}

function connectModel(options: Partial<DeviceOptions<typeof TEN>>): void {
	const device = new Device({
		host, cloud, model: TEN,
		onDelta: (delta) => device.report(delta),
		onSync: () => host.trace("ready"),
		...options,
	});
	device.report({
		on: false, brightness: 70, starts: 1, interval: 60, name: "attic", colour: { hue: 30, saturation: 80 },
		limits: { current: 2, temperature: 60, power: 40 },
	});
}

function connectDocument(): void {
	const device = new Device({
		host, cloud,
		onDelta: (delta) => device.report(delta),
		onSync: () => host.trace("ready"),
	});
	const report: JSONObject = {};
	for (let group = 0; group < GROUPS; group++) {
		const fields: JSONObject = report[`group${group}`] = {};
		for (let field = 0; field < FIELDS; field++) fields[`field${field}`] = group * FIELDS + field;
	}
	device.report(report);
}

const subject = native.argument(1) as AwsSubject;
if (subject === "client") connectClient();
else if (subject === "document") connectDocument();
else connectModel(subject === "jobs" ? { onJob: (job) => job.succeed() } : subject === "commands" ? { onCommand: (command) => command.succeed() } : {});
