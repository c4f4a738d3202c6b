// SPDX-License-Identifier: Apache-2.0
/** Golioth's manifest as a job, and what is said of it; whole updates are in `test/update`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { progressOf } from "../../../src/clouds/golioth/reports.js";
import { Code } from "../../../src/coap/constants.js";
import { Jobs, type Job, type JobStatus } from "../../../src/operations/jobs.js";
import vectors from "../../vectors/golioth.json" with { type: "json" };
import type { FakeHost } from "../fake-host.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";
import { GoliothRig } from "./golioth-rig.js";

function cbor(value: CBORValue): string {
	return toHex(encodeCBOR(text, value));
}

/** A manifest, whose keys are numbers. */
function manifest(sequence: number, version?: string, sha256 = "aa"): string {
	const component = version === undefined ? "80" : `81a301${cbor("main")}02${cbor(version)}03${cbor(sha256)}`;
	return `a201${cbor(sequence)}03${component}`;
}

const said = (state: number, reason: number, target: string) => `POST .u/c/main 60 ${cbor({ s: state, r: reason, pkg: "main", v: "1.0.0", t: target })}`;
const MANIFEST = "GET .u/desired as 60";

class Rig extends GoliothRig {
	job: Job | undefined;

	constructor(host?: FakeHost) {
		super(host === undefined ? {} : { host });
		const jobs = new Jobs({
			onJob: (job) => {
				this.job = job;
				this.lines.push(`job ${job.id} ${job.number} ${JSON.stringify(job.document)}`);
			},
			onJobCanceled: ({ id }) => { this.lines.push(`canceled ${id}`); },
			onJobFinished: ({ id }) => { this.lines.push(`finished ${id}`); },
			onError: ({ code }) => { this.lines.push(`error ${code}`); },
		});
		this.services.push(jobs);
		this.connection.addJobs(jobs);
	}

	/** Connected, with this manifest. */
	begin(hex: string): void {
		this.accept();
		this.take();
		this.notify(".u/desired", hex);
		this.answer(Code.CONTENT, hex);
	}
}

test("GoliothJobs: a manifest with another version of our package is a job, once", () => {
	const rig = new Rig();
	rig.accept();
	assert.deepEqual(rig.take().slice(1), ["OBSERVE .u/desired as 60", "ready", MANIFEST]);
	rig.notify(".u/desired", vectors.rpcEstablished);
	rig.answer(Code.CONTENT, manifest(0));
	assert.deepEqual(rig.take(), []);
	rig.notify(".u/desired", vectors.manifest);
	assert.deepEqual(rig.take(), [MANIFEST]);
	rig.answer(Code.CONTENT, vectors.manifest);
	assert.deepEqual(rig.take(), [`job main@1.0.1 1700000000 {"update":{"stream":"main@1.0.1","file":0}}`]);
	rig.notify(".u/desired", vectors.manifest);
	rig.lose();
	rig.take();
	rig.begin(vectors.manifest);
	assert.deepEqual(rig.take(), [], "it is the same one");
});

test("GoliothJobs: how far it is, in states and reasons, and over for good", () => {
	const rig = new Rig();
	rig.begin(manifest(5, "2.0.0"));
	rig.take();
	rig.job!.progress({ update: "receiving", received: "1/2" });
	assert.deepEqual(rig.take(), [said(1, 0, "2.0.0")]);
	rig.answer(Code.CHANGED);
	rig.job!.progress({ update: "trial" });
	assert.deepEqual(rig.take(), [said(2, 0, "2.0.0")]);
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), [said(3, 0, "2.0.0")]);
	rig.answer(Code.CHANGED);
	rig.job!.fail({ update: "failed", reason: "signature" });
	assert.deepEqual(rig.take(), [said(0, 5, "2.0.0")]);
	rig.answer(Code.SERVICE_UNAVAILABLE);
	rig.host.advance(10_000);
	assert.deepEqual(rig.take(), [said(0, 5, "2.0.0")], "until the cloud has it");
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), ["finished main@2.0.0", MANIFEST]);
	rig.answer(Code.CONTENT, manifest(5, "2.0.0"));
	assert.deepEqual(rig.take(), []);

	const later = new Rig(rig.host);
	later.begin(manifest(5, "2.0.0"));
	assert.deepEqual(later.take(), [], "after a reset, too");
	later.notify(".u/desired", manifest(6, "2.0.0"));
	later.answer(Code.CONTENT, manifest(6, "2.0.0"));
	assert.equal(later.take().at(-1), `job main@2.0.0 6 {"update":{"stream":"main@2.0.0","file":0}}`);
});

test("GoliothJobs: what was begun goes on after a reset, and says nothing of being idle before", () => {
	const rig = new Rig();
	rig.begin(manifest(5, "2.0.0", "aa"));
	const later = new Rig(rig.host);
	later.connected = true;
	later.connection.onConnected();
	assert.deepEqual(later.take(), ["GET .c as 60"]);
	later.answer(Code.CONTENT, EMPTY_MAP);
	later.notify(".u/desired", manifest(7, "2.0.0", "aa"));
	later.answer(Code.CONTENT, manifest(7, "2.0.0", "aa"));
	assert.equal(later.take().at(-1), `job main@2.0.0 5 {"update":{"stream":"main@2.0.0","file":0}}`);
	later.notify(".u/desired", manifest(8, "2.0.0", "bb"));
	later.answer(Code.CONTENT, manifest(8, "2.0.0", "bb"));
	assert.deepEqual(later.take().slice(-2), ["canceled main@2.0.0", `job main@2.0.0 8 {"update":{"stream":"main@2.0.0","file":0}}`], "another artifact");
	later.notify(".u/desired", manifest(9));
	later.answer(Code.CONTENT, manifest(9));
	assert.equal(later.take().at(-1), "canceled main@2.0.0");
});

test("GoliothJobs: what runs already, and what is no manifest, is no job", () => {
	const rig = new Rig();
	rig.begin(manifest(5, "1.0.0"));
	assert.deepEqual(rig.take(), []);
	rig.notify(".u/desired", "a1ff");
	rig.notify(".u/desired", "");
	const lines = rig.take();
	assert.equal(lines.filter((line) => line.startsWith("fault malformed")).length, 1);
	assert.ok(!lines.some((line) => line.startsWith("job")));
});

test("GoliothJobs: each end has its words", () => {
	const at = (status: JobStatus, details?: Record<string, string>) => Object.values(progressOf({ status, details })).join("/");
	assert.equal(at("SUCCEEDED"), "0/1");
	assert.equal(at("FAILED"), "0/8");
	assert.equal(at("REJECTED", { reason: "product" }), "0/6");
	assert.equal(at("FAILED", { reason: "too-large" }), "0/2");
	assert.equal(at("FAILED", { reason: "unreachable" }), "0/4");
	assert.equal(at("FAILED", { reason: "not-found" }), "0/7");
	assert.equal(at("FAILED", { reason: "storage" }), "0/10");
	assert.equal(at("FAILED", { reason: "constructor" }), "0/8");
	assert.equal(at("IN_PROGRESS", { update: "waiting" }), "0/11");
	assert.equal(at("IN_PROGRESS"), "1/0");
});

const EMPTY_MAP = "a0";
