// SPDX-License-Identifier: Apache-2.0
/**
 * What a device does at AWS, done with the vendor's own SDK as its samples do it. Each step is asserted on the SDK's side
 * and on the cloud's.
 */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { createHost } from "../../hosts/node/index.js";
import type { DeviceIdentity } from "../../hosts/simulator/index.js";
import { createCSR } from "../../src/identity/csr.js";
import { CERTIFICATE_REQUEST, encodePEM } from "../../src/identity/pem.js";
import { TEMPLATE, type RefereeCloud } from "./cloud.js";
import { Refused, type Sdk } from "./sdk.js";
import type { Transcript } from "./transcript.js";

export interface Play {
	cloud: RefereeCloud;
	sdk: Sdk;
	identity: DeviceIdentity;
	protocol: 4 | 5;
	transcript: Transcript;
}

/** @param name of the shadow; undefined for the classic one */
export async function shadowScript({ cloud, sdk, identity, protocol, transcript }: Play, name: string | undefined): Promise<void> {
	const { id } = identity;
	const { shadows } = cloud.aws;
	const which = { thingName: id, ...(name === undefined ? {} : { shadowName: name }) };
	const of = name === undefined ? "" : "Named";
	const get = (): Promise<any> => sdk.request("shadow", `get${of}Shadow`, which);
	const update = (state: object, version?: number): Promise<any> => sdk.request("shadow", `update${of}Shadow`, { ...which, state, version });
	const stateOf = (): unknown => shadows.get(id, name)?.state;

	await sdk.connect(identity, { protocol });
	let deltas = await sdk.open("shadow", `create${of}ShadowDeltaUpdatedStream`, which);
	const missing = await refusal(get());
	assert.equal(missing.code, 404);
	assert.equal(missing.message, `No shadow exists with name: '${name ?? id}'`);
	const first = await update({ reported: { on: false, brightness: 100 } });
	assert.equal(first.version, 1);
	assert.deepEqual(first.state, { reported: { on: false, brightness: 100 } });
	assert.deepEqual(stateOf(), { reported: { on: false, brightness: 100 } });
	transcript.cut("first report");

	shadows.desire(id, { on: true }, { name });
	const delta = await deltas.next();
	assert.deepEqual([delta.version, delta.state], [2, { on: true }]);
	assert.deepEqual(Object.keys(delta.metadata), ["on"]);
	assert.equal((await update({ reported: { on: true } })).version, 3);
	assert.deepEqual(stateOf(), { desired: { on: true }, reported: { on: true, brightness: 100 } });
	transcript.cut("desired");

	// The second of two changes overtakes the report of the first.
	shadows.desire(id, { on: false }, { name });
	shadows.desire(id, { brightness: 50 }, { name });
	assert.deepEqual((await deltas.next()).state, { on: false });
	assert.deepEqual((await deltas.next()).state, { on: false, brightness: 50 });
	assert.equal((await update({ reported: { on: false, brightness: 50 } })).version, 6);
	transcript.cut("two in a row");

	const conflict = await refusal(update({ reported: { on: true } }, 1));
	assert.deepEqual([conflict.code, conflict.message], [409, "Version conflict"]);
	assert.deepEqual(shadows.get(id, name)?.version, 6);
	transcript.cut("stale");

	await sdk.disconnect();
	// It says so before the broker has heard of it.
	await cloud.tap.ended();
	shadows.desire(id, { brightness: 10 }, { name });
	await sdk.connect(identity, { protocol });
	deltas = await sdk.open("shadow", `create${of}ShadowDeltaUpdatedStream`, which);
	const document = await get();
	assert.deepEqual(document.state, {
		desired: { on: false, brightness: 10 }, reported: { on: false, brightness: 50 }, delta: { brightness: 10 },
	});
	assert.equal(document.version, 7);
	assert.equal((await update({ reported: { brightness: 10 } })).version, 8);
	transcript.cut("away");

	assert.equal((await sdk.request("shadow", `delete${of}Shadow`, which)).version, 8);
	assert.equal(stateOf(), undefined);
	assert.equal((await refusal(get())).code, 404);
	assert.deepEqual(deltas.rest(), []);
	await sdk.disconnect();
	transcript.cut("deleted");
}

export async function jobsScript({ cloud, sdk, identity, protocol, transcript }: Play): Promise<void> {
	const { jobs } = cloud;
	const thing = { thingName: identity.id };
	const ask = (method: string, body: object = {}): Promise<any> => sdk.request("jobs", method, { ...thing, ...body });
	const statusOf = (jobId: string): string | undefined => jobs.execution(identity.id, jobId)?.status;

	await sdk.connect(identity, { protocol });
	const next = await sdk.open("jobs", "createNextJobExecutionChangedStream", thing);
	const pending = await ask("getPendingJobExecutions");
	assert.deepEqual([pending.inProgressJobs, pending.queuedJobs], [[], []]);
	assert.equal((await ask("startNextPendingJobExecution")).execution, undefined);
	transcript.cut("nothing to do");

	jobs.create({ jobId: "blink", things: [identity.id], document: { times: 3 } });
	assert.deepEqual((await next.next()).execution.jobDocument, { times: 3 });
	const { execution } = await ask("startNextPendingJobExecution");
	assert.deepEqual(
		[execution.jobId, execution.status, execution.versionNumber, execution.executionNumber, execution.jobDocument],
		["blink", "IN_PROGRESS", 2, 1, { times: 3 }],
	);
	assert.equal(statusOf("blink"), "IN_PROGRESS");
	transcript.cut("a job");

	await ask("updateJobExecution", { jobId: "blink", status: "IN_PROGRESS", statusDetails: { done: "1" }, expectedVersion: 2, executionNumber: 1 });
	assert.deepEqual(jobs.execution(identity.id, "blink")?.statusDetails, { done: "1" });
	const described = await ask("describeJobExecution", { jobId: "blink" });
	assert.deepEqual([described.execution.status, described.execution.statusDetails], ["IN_PROGRESS", { done: "1" }]);
	const stale = await refusal(ask("updateJobExecution", { jobId: "blink", status: "SUCCEEDED", expectedVersion: 2 }));
	assert.deepEqual([stale.code, stale.executionState.versionNumber], ["VersionMismatch", 3]);
	transcript.cut("progress");

	jobs.create({ jobId: "beep", things: [identity.id], document: {} });
	await ask("updateJobExecution", { jobId: "blink", status: "SUCCEEDED", statusDetails: { done: "3" }, expectedVersion: 3, executionNumber: 1 });
	assert.equal(statusOf("blink"), "SUCCEEDED");
	assert.equal((await next.next()).execution.jobId, "beep");
	assert.equal((await ask("startNextPendingJobExecution")).execution.jobId, "beep");
	transcript.cut("the next job");

	jobs.cancel("beep", { force: true });
	assert.equal((await next.next()).execution, undefined);
	const late = await refusal(ask("updateJobExecution", { jobId: "beep", status: "SUCCEEDED", expectedVersion: 2, executionNumber: 1 }));
	assert.deepEqual([late.code, late.executionState.status], ["InvalidStateTransition", "CANCELED"]);
	assert.deepEqual(next.rest(), []);
	await sdk.disconnect();
	transcript.cut("canceled");
}

/** From a claim to a thing, with a key of the cloud's making or with one of our own. */
export async function provisioningScript({ cloud, sdk, identity: claim, protocol, transcript }: Play, keys: "AWS" | "CSR"): Promise<void> {
	await sdk.connect(claim, { protocol });
	const serial = keys === "AWS" ? "1" : "2";
	const own = keys === "CSR" ? await requestCertificate() : undefined;
	const made = own === undefined
		? await sdk.request("identity", "createKeysAndCertificate", {})
		: await sdk.request("identity", "createCertificateFromCsr", { certificateSigningRequest: own.request });
	const certificate = new X509Certificate(made.certificatePem);
	assert.equal(made.certificateId, createHash("sha256").update(certificate.raw).digest("hex"));
	const unknown = await refusal(register("nobody's"));
	assert.deepEqual([unknown.statusCode, unknown.errorCode], [400, "InvalidCertificateOwnershipToken"]);
	const { thingName, deviceConfiguration } = await register(made.certificateOwnershipToken);
	assert.deepEqual([thingName, deviceConfiguration], [`lamp-${serial}`, { colour: "warm" }]);
	assert.deepEqual(cloud.aws.registry.get(thingName)?.fingerprints, [made.certificateId]);
	await sdk.disconnect();
	transcript.cut("provisioned");

	const identity = { ...claim, id: thingName };
	await sdk.connect(identity, { protocol, clientId: thingName, cert: made.certificatePem, key: own?.key ?? made.privateKey });
	assert.equal(cloud.aws.registry.get(thingName)?.online, true);
	assert.equal((await refusal(sdk.request("shadow", "getShadow", { thingName }))).code, 404);
	const { version } = await sdk.request("shadow", "updateShadow", { thingName, state: { reported: { on: false } } });
	assert.equal(version, 1);
	await sdk.disconnect();
	transcript.cut("as a thing");

	function register(certificateOwnershipToken: string): Promise<any> {
		return sdk.request("identity", "registerThing", { templateName: TEMPLATE, certificateOwnershipToken, parameters: { SerialNumber: serial } });
	}
}

/** What the cloud answered to a request that it must refuse. */
async function refusal(request: Promise<unknown>): Promise<any> {
	try {
		await request;
	} catch (error) {
		if (error instanceof Refused) return error.answer;
		throw error;
	}
	throw new assert.AssertionError({ message: "the cloud refused nothing" });
}

/** Both as PEM. */
function requestCertificate(): Promise<{ request: string; key: string }> {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
	return new Promise((resolve, reject) => {
		createCSR(createHost({ directory: "unused" }), {
			type: "P-256", subject: { commonName: "lamp" }, onError: reject,
			key: new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })),
			publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
			onRequest: der => {
				resolve({ request: encodePEM(CERTIFICATE_REQUEST, der), key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() });
			},
		});
	});
}
