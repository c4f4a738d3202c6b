// SPDX-License-Identifier: Apache-2.0
/** AWS IoT Device Defender: reports as documented, in both formats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics, type MetricsReport } from "../../../src/operations/metrics.js";
import type { Format } from "../../../src/clouds/format.js";
import { utf8 } from "../wire.js";
import { AwsRig, cbor, THING } from "./aws-rig.js";

class Rig extends AwsRig {
	readonly topic: string;
	readonly metrics = new Metrics({
		onReported: (id) => this.lines.push(`reported ${id}`),
		onError: ({ code }) => this.lines.push(`error ${code}`),
	});

	constructor(format: Format) {
		super({ cloud: { format } });
		this.topic = `$aws/things/${THING}/defender/metrics/${format}`;
		this.connection.addMetrics(this.metrics);
		this.services.push(this.metrics);
		this.accept();
		assert.deepEqual(this.take(), ["ready"]);
	}

	report(report: MetricsReport): string[] {
		assert.equal(typeof this.metrics.report(report, this.host.time), "number");
		return this.take().map((line) => line.replace(this.topic, "M"));
	}
}

const REPORT: MetricsReport = {
	metrics: { heat: 21.5, loads: [1, 2], modes: ["eco", "dry"], peers: { addresses: ["10.0.0.1"] } },
	network: { bytesIn: 10, bytesOut: 20, packetsIn: 1, packetsOut: 2 },
};
const MESSAGE = {
	hed: { rid: 1, v: "1.0" },
	met: { ns: { bi: 10, bo: 20, pi: 1, po: 2 } },
	cmet: { heat: [{ number: 21.5 }], loads: [{ number_list: [1, 2] }], modes: [{ string_list: ["eco", "dry"] }], peers: [{ ip_list: ["10.0.0.1"] }] },
};

test("AwsMetrics reports with short names in JSON and in CBOR", () => {
	const json = new Rig("json");
	assert.deepEqual(json.filters, [`${json.topic}/accepted`, `${json.topic}/rejected`]);
	assert.deepEqual(json.report(REPORT), [`M ${JSON.stringify(MESSAGE)}`]);
	json.message(`${json.topic}/accepted`, { thingName: THING, 1: 1, status: "ACCEPTED", timestamp: 1 });
	assert.deepEqual(json.take(), ["reported 1"]);
	assert.deepEqual(new Rig("json").report({ metrics: { heat: 1 } }), [`M {"hed":{"rid":1,"v":"1.0"},"cmet":{"heat":[{"number":1}]}}`]);
	assert.deepEqual(new Rig("json").report({ network: REPORT.network }), [`M {"hed":{"rid":1,"v":"1.0"},"met":{"ns":{"bi":10,"bo":20,"pi":1,"po":2}}}`]);
	assert.deepEqual(new Rig("cbor").report(REPORT), [`M ${cbor(MESSAGE)}`]);
});

test("AwsMetrics: refusals by their codes, and what cannot be read", () => {
	const rejected = (code: string): object => ({ thingName: THING, status: "REJECTED", statusDetails: { ErrorCode: code, ErrorMessage: "no" }, timestamp: 1 });
	for (const [code, lines] of [["InvalidPayload", ["error rejected"]], ["Throttled", []]] as const) {
		const rig = new Rig("json");
		rig.report(REPORT);
		rig.message(`${rig.topic}/rejected`, rejected(code));
		assert.deepEqual(rig.take(), lines, code);
	}
	for (const message of [utf8("{"), utf8("1")]) {
		const rig = new Rig("json");
		rig.report(REPORT);
		rig.message(`${rig.topic}/rejected`, message);
		assert.match(rig.take().join(), /^fault malformed/);
		rig.message(`${rig.topic}/rejected`, {});
		assert.deepEqual(rig.take(), ["error rejected"]);
	}
	const mixed = new Rig("json");
	assert.deepEqual(mixed.report({ metrics: { odd: [1, "a"] as unknown as number[] } }), ["error argument"]);
});
