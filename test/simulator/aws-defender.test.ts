// SPDX-License-Identifier: Apache-2.0
/** Device Defender of the simulated AWS: reports in both formats, with long and short names, and every refusal. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { DefenderService, INTERVAL_MINIMUM, type DefenderOptions } from "../../hosts/simulator/clouds/aws/defender.js";
import { Cloud, EPOCH } from "./aws-context.js";

const LONG = {
	header: { report_id: 1_530_304_554, version: "1.0" },
	metrics: {
		listening_tcp_ports: { ports: [{ interface: "eth0", port: 24_800 }, { port: 22 }], total: 2 },
		listening_udp_ports: { ports: [{ interface: "eth0", port: 5353 }], total: 1 },
		network_stats: { bytes_in: 29_358_693_495, bytes_out: 26_485_035, packets_in: 10_013_573_555, packets_out: 11_382_615 },
		tcp_connections: {
			established_connections: { connections: [{ local_interface: "eth0", local_port: 80, remote_addr: "192.0.2.1:8000" }, { remote_addr: "[2001:db8::1]:443" }], total: 2 },
		},
	},
	custom_metrics: {
		charge: [{ number: 12.5 }], temperatures: [{ number_list: [1, 2.5] }], processes: [{ string_list: ["init"] }], peers: [{ ip_list: ["192.0.2.1"] }],
	},
};
const SHORT = {
	hed: { rid: 1_530_304_554, v: "1.0" },
	met: {
		tp: { pts: [{ if: "eth0", pt: 24_800 }, { pt: 22 }], t: 2 },
		up: { pts: [{ if: "eth0", pt: 5353 }], t: 1 },
		ns: { bi: 29_358_693_495, bo: 26_485_035, pi: 10_013_573_555, po: 11_382_615 },
		tc: { ec: { cs: [{ li: "eth0", lp: 80, rad: "192.0.2.1:8000" }, { rad: "[2001:db8::1]:443" }], t: 2 } },
	},
	cmet: LONG.custom_metrics,
};

class Lab {
	readonly cloud = new Cloud();
	readonly defender: DefenderService;

	constructor(options?: DefenderOptions) {
		this.defender = new DefenderService(this.cloud, options);
		this.cloud.service = this.defender;
	}

	/** @returns the answer's last level and its body */
	report(body: unknown, format = "json", thing = "lamp"): [string, any] {
		const topic = `$aws/things/${thing}/defender/metrics/${format}`, [answer, ...rest] = this.cloud.ask(topic, body);
		assert.deepEqual(rest, []);
		assert.equal(answer!.to, undefined);
		return [answer!.topic.slice(topic.length + 1), answer!.body];
	}
}

suite("DefenderService", () => {
	for (const format of ["json", "cbor"]) {
		for (const [style, report] of Object.entries({ long: LONG, short: SHORT })) {
			test(`takes a report with ${style} names in ${format}`, () => {
				const lab = new Lab();
				assert.deepEqual(lab.report(report, format), ["accepted", { thingName: "lamp", reportId: 1_530_304_554, status: "ACCEPTED", timestamp: EPOCH * 1000 }]);
				const [kept] = lab.defender.reports("lamp");
				assert.deepEqual(JSON.parse(JSON.stringify(kept)), {
					reportId: 1_530_304_554, receivedAt: EPOCH * 1000, metrics: LONG.metrics,
					customMetrics: { charge: 12.5, temperatures: [1, 2.5], processes: ["init"], peers: ["192.0.2.1"] },
				});
			});
		}
	}

	const header = { report_id: 1, version: "1.0" };
	const ports = (entry: unknown) => ({ header, metrics: { listening_tcp_ports: { ports: [entry] } } });
	const connection = (entry: unknown) => ({ header, metrics: { tcp_connections: { established_connections: { connections: [entry] } } } });
	const custom = (entry: unknown) => ({ header, custom_metrics: { charge: entry } });
	const refusals: [string, unknown, string][] = [
		["what is not JSON", Uint8Array.of(0x7b), "InvalidPayload"],
		["no payload", new Uint8Array(0), "InvalidPayload"],
		["an array", [], "InvalidPayload"],
		["no header", { metrics: {} }, "MissingHeader"],
		["a header of the other names", { header: { rid: 1, v: "1.0" }, metrics: {} }, "InvalidPayload"],
		["a header that is text", { header: "1.0", metrics: {} }, "InvalidPayload"],
		["no report id", { header: { version: "1.0" }, metrics: {} }, "InvalidPayload"],
		["no version", { header: { report_id: 1 }, metrics: {} }, "InvalidPayload"],
		["a report id that is text", { header: { ...header, report_id: "1" }, metrics: {} }, "InvalidPayload"],
		["a report id of 0", { header: { ...header, report_id: 0 }, metrics: {} }, "InvalidPayload"],
		["another version", { header: { ...header, version: "2.0" }, metrics: {} }, "InvalidPayload"],
		["no metrics", { header }, "InvalidPayload"],
		["metrics of the other names", { header, met: {} }, "InvalidPayload"],
		["a metric that there is not", { header, metrics: { temperature: 20 } }, "InvalidPayload"],
		["a metric that objects have by nature", { header, metrics: { constructor: 20 } }, "InvalidPayload"],
		["metrics that are a list", { header, metrics: [] }, "InvalidPayload"],
		["a count that is negative", { header, metrics: { network_stats: { bytes_in: -1 } } }, "InvalidPayload"],
		["a count that is no whole number", { header, metrics: { network_stats: { bytes_in: 0.5 } } }, "InvalidPayload"],
		["ports that are no list", { header, metrics: { listening_tcp_ports: { ports: {} } } }, "InvalidPayload"],
		["a port that is too large", ports({ port: 65_536 }), "InvalidPayload"],
		["an entry without port", ports({ interface: "eth0" }), "InvalidPayload"],
		["an interface that is no text", ports({ port: 1, interface: 1 }), "InvalidPayload"],
		["too many ports", { header, metrics: { listening_tcp_ports: { ports: Array(1001).fill({ port: 1 }) } } }, "LimitExceeded"],
		["a connection without remote", connection({ local_port: 1 }), "InvalidPayload"],
		["a remote without port", connection({ remote_addr: "192.0.2.1" }), "InvalidPayload"],
		["a remote that is a name", connection({ remote_addr: "example.com:443" }), "InvalidPayload"],
		["a remote whose port is too large", connection({ remote_addr: "192.0.2.1:65536" }), "InvalidPayload"],
		["a custom metric that is no list", custom({ number: 1 }), "InvalidPayload"],
		["a custom metric of nothing", custom([]), "InvalidPayload"],
		["a custom metric of two", custom([{ number: 1 }, { number: 2 }]), "InvalidPayload"],
		["a custom metric of two types", custom([{ number: 1, string_list: [] }]), "InvalidPayload"],
		["a custom metric of another type", custom([{ boolean: true }]), "InvalidPayload"],
		["a number that is text", custom([{ number: "1" }]), "InvalidPayload"],
		["a list of numbers with text", custom([{ number_list: ["1"] }]), "InvalidPayload"],
		["a list of text with numbers", custom([{ string_list: [1] }]), "InvalidPayload"],
		["a custom metric's name that is not valid", { header, custom_metrics: { "a b": [{ number: 1 }] } }, "InvalidPayload"],
		["a custom metric's name that is too long", { header, custom_metrics: { ["m".repeat(129)]: [{ number: 1 }] } }, "InvalidPayload"],
		["custom metrics that are a list", { header, custom_metrics: [] }, "InvalidPayload"],
		["too many custom metrics", { header, custom_metrics: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`m${index}`, [{ number: 1 }]])) }, "LimitExceeded"],
		["a text that is too long", custom([{ string_list: ["x".repeat(257)] }]), "InvalidPayload"],
		["an interface that is too long", ports({ port: 1, interface: "x".repeat(257) }), "InvalidPayload"],
		["a list that is too long", custom([{ number_list: Array(1001).fill(1) }]), "LimitExceeded"],
	];
	for (const [what, report, code] of refusals) {
		test(`refuses ${what} with ${code}`, () => {
			const lab = new Lab(), [verdict, body] = lab.report(report);
			assert.deepEqual([verdict, body.status, body.statusDetails.ErrorCode], ["rejected", "REJECTED", code]);
			assert.equal(typeof body.statusDetails.ErrorMessage, "string");
			assert.deepEqual([body.thingName, body.timestamp], ["lamp", EPOCH * 1000]);
			assert.deepEqual(lab.defender.reports("lamp"), []);
			// What was refused does not count for the interval.
			assert.equal(lab.report(LONG)[0], "accepted");
		});
	}

	test("takes what is just within the limits", () => {
		const ports = Array(1000).fill({ port: 0 }), connections = [{ remote_addr: "192.0.2.1:65535", local_port: 65_535, local_interface: "x".repeat(256) }];
		const metrics = Array.from({ length: 998 }, (_, index) => [`m${index}`, [{ number: -index }]]);
		assert.equal(new Lab().report({
			header: { report_id: Number.MAX_SAFE_INTEGER, version: "1.0" },
			metrics: { listening_udp_ports: { ports, total: 0 }, tcp_connections: { established_connections: { connections } } },
			custom_metrics: { ...Object.fromEntries(metrics), ["m".repeat(128)]: [{ string_list: Array(1000).fill("x".repeat(256)) }], m: [{ number_list: [] }] },
		})[0], "accepted");
	});

	test("a refusal names the report as soon as it is known which", () => {
		assert.equal(new Lab().report({ header })[1].reportId, 1);
	});

	test("refuses CBOR that is none", () => {
		assert.equal(new Lab().report(Uint8Array.of(0xff), "cbor")[1].statusDetails.ErrorCode, "InvalidPayload");
	});

	test("a thing that is not registered cannot report", () => {
		assert.equal(new Lab().report(LONG, "json", "stranger")[1].statusDetails.ErrorCode, "InvalidPayload");
	});

	test("reports come at least five minutes apart, and with ids that grow", () => {
		const lab = new Lab(), report = (report_id: number) => lab.report({ header: { ...header, report_id }, metrics: {} })[1].statusDetails?.ErrorCode;
		assert.equal(report(5), undefined);
		lab.cloud.advance(INTERVAL_MINIMUM - 1);
		assert.equal(report(6), "Throttled");
		lab.cloud.advance(1);
		assert.equal(report(5), "InvalidPayload");
		assert.equal(report(6), undefined);
	});

	test("the last reports of a thing are kept", () => {
		const lab = new Lab({ intervalMinimum: 0 });
		for (let report_id = 1; report_id <= 12; report_id++) lab.report({ header: { ...header, report_id }, metrics: {} });
		assert.deepEqual(lab.defender.reports("lamp").map(each => each.reportId), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
	});

	test("the reports of so many things are kept, and whoever was first makes room", () => {
		const lab = new Lab({ intervalMinimum: 0, thingCountMaximum: 2 }), kept = () => ["lamp", "fan", "door"].map(thing => lab.defender.reports(thing).length);
		for (const thing of ["fan", "door"]) lab.cloud.things.add(thing);
		for (const [thing, report_id] of [["lamp", 1], ["fan", 1], ["fan", 2]] as const) lab.report({ header: { ...header, report_id }, metrics: {} }, "json", thing);
		assert.deepEqual(kept(), [1, 2, 0]);
		lab.report({ header, metrics: {} }, "json", "door");
		assert.deepEqual(kept(), [0, 2, 1]);
	});

	test("topics of others are left to them, and it never waits", () => {
		const lab = new Lab();
		for (const topic of ["$aws/things/lamp/defender/metrics", "$aws/things/lamp/defender/metrics/xml", "$aws/things/lamp/defender/state/json", "$aws/things/lamp/jobs/metrics/json"]) {
			assert.equal(lab.cloud.receive(topic, {}), false, topic);
		}
		assert.equal(lab.defender.deadline, Infinity);
	});
});
