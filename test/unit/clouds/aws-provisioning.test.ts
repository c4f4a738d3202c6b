// SPDX-License-Identifier: Apache-2.0
/** AWS IoT fleet provisioning: topics and messages as documented, in both formats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CBORObject } from "../../../src/cbor/value.js";
import type { AwsOptions } from "../../../src/clouds/aws/index.js";
import type { Format } from "../../../src/clouds/format.js";
import type { Keys } from "../../../src/host.js";
import { CredentialStore } from "../../../src/identity/credentials.js";
import { encodePEM } from "../../../src/identity/pem.js";
import { Provisioning, type ProvisioningOptions } from "../../../src/identity/provisioning.js";
import { codeOf } from "../failure.js";
import { utf8 } from "../wire.js";
import { AwsRig, cbor } from "./aws-rig.js";

const TEMPLATE = "fleet";
const CREATE = "$aws/certificates/create";
const CREATE_FROM_CSR = "$aws/certificates/create-from-csr";
const PROVISION = `$aws/provisioning-templates/${TEMPLATE}/provision`;
const KEY = Uint8Array.of(0x30, 1, 2, 3);
const PUBLIC_KEY = Uint8Array.of(0x30, 0);
const SIGNATURE = Uint8Array.of(0x30, 7);
const CERTIFICATE = Uint8Array.of(0x30, 9, 9, 9);
const CREATED = {
	certificateId: "c1", certificatePem: encodePEM("CERTIFICATE", CERTIFICATE), privateKey: encodePEM("PRIVATE KEY", KEY),
	certificateOwnershipToken: "token-1",
};

class Rig extends AwsRig {
	readonly provisioning: Provisioning;
	readonly format: Format;

	constructor(format: Format, options: ProvisioningOptions = { parameters: { SerialNumber: "7" } }) {
		super({ cloud: { format, provisioningTemplate: TEMPLATE } });
		this.format = format;
		const { timer } = this.host;
		(this.host as { keys: Keys }).keys = {
			generate: (asked) => void timer.set(() => asked.onKey(KEY, PUBLIC_KEY), 0),
			sign: (asked) => void timer.set(() => asked.onSignature(SIGNATURE), 0),
			verify: () => assert.fail("nothing is verified here"),
		};
		this.provisioning = new Provisioning(this.host, options, {
			onTurn: () => undefined,
			onProvisioned: ({ id }) => this.lines.push(`provisioned ${id}`),
			onConfiguration: (configuration) => this.lines.push(`configuration ${JSON.stringify(configuration)}`),
			onError: ({ code, detail, message }) => this.lines.push(`error ${code} ${detail} ${message}`),
		});
		this.connection.addProvisioning(this.provisioning);
		this.services.push(this.provisioning);
		this.accept();
	}

	answer(topic: string, message: CBORObject): void {
		const [base, kind] = topic.split(" ");
		this.message(`${base}/${this.format}/${kind}`, this.format === "cbor" ? cbor(message) : message);
	}
}

for (const format of ["json", "cbor"] as const) {
	const said = (message: CBORObject): string => format === "json" ? JSON.stringify(message) : cbor(message);

	test(`AwsProvisioning in ${format}: a key and a certificate from the cloud, and a name of the template's making`, () => {
		const rig = new Rig(format);
		assert.deepEqual(rig.filters, [CREATE, PROVISION].flatMap((base) => [`${base}/${format}/accepted`, `${base}/${format}/rejected`]));
		assert.deepEqual(rig.take(), ["ready", `${CREATE}/${format} ${said({})}`]);
		rig.answer(`${CREATE} accepted`, CREATED);
		assert.deepEqual(rig.take(), [
			`${PROVISION}/${format} ${said({ certificateOwnershipToken: "token-1", parameters: { SerialNumber: "7" } })}`,
		]);
		rig.answer(`${PROVISION} accepted`, { deviceConfiguration: { LoggingLevel: "info" }, thingName: "thing-7" });
		assert.deepEqual(rig.take(), [`configuration {"LoggingLevel":"info"}`, "provisioned thing-7"]);
		const { id, certificate, key } = new CredentialStore(rig.host).active();
		assert.deepEqual([id, certificate, key], ["thing-7", CERTIFICATE, KEY]);
	});
}

test("AwsProvisioning asks with a request where the device makes its key", () => {
	const rig = new Rig("json", { keyType: "P-256" });
	assert.deepEqual(rig.filters.slice(0, 2), [`${CREATE_FROM_CSR}/json/accepted`, `${CREATE_FROM_CSR}/json/rejected`]);
	const [ready, request] = [...rig.take(), ...rig.take(), ...rig.take()];
	assert.equal(ready, "ready");
	assert.match(request!, /^\$aws\/certificates\/create-from-csr\/json {"certificateSigningRequest":"-----BEGIN CERTIFICATE REQUEST-----/);
	const { privateKey: _, ...created } = CREATED;
	rig.answer(`${CREATE_FROM_CSR} accepted`, created);
	assert.equal(rig.take().length, 1);
	rig.answer(`${PROVISION} accepted`, { thingName: "thing-7" });
	assert.deepEqual(rig.take(), ["provisioned thing-7"]);
	assert.deepEqual(new CredentialStore(rig.host).active().key, KEY);
});

test("AwsProvisioning: refusals by their codes, and what cannot be read", () => {
	const rig = new Rig("json");
	rig.take();
	rig.answer(`${CREATE} rejected`, { statusCode: 403, errorCode: "AccessDenied", errorMessage: "no" });
	assert.deepEqual(rig.take(), ["error rejected 403 provisioning refused: AccessDenied: no"]);
	const other = new Rig("json");
	other.take();
	const wrong: (CBORObject | string)[] = [
		utf8("{"), utf8("[]"), {}, { ...CREATED, certificatePem: 1 }, { ...CREATED, certificatePem: "no PEM" }, { ...CREATED, privateKey: "" },
	];
	for (const message of wrong) {
		other.message(`${CREATE}/json/accepted`, message);
		const lines = other.take();
		assert.equal(lines.length, 1);
		assert.match(lines[0]!, /^fault malformed/, JSON.stringify(message));
	}
});

test("AWS provisions by a template that has a name", () => {
	for (const provisioningTemplate of [undefined, "", "a/b", "a".repeat(37)]) {
		const rig = new AwsRig({ cloud: { provisioningTemplate } as AwsOptions });
		const provisioning = new Provisioning(rig.host, {}, { onTurn: () => undefined, onProvisioned: () => undefined });
		assert.equal(codeOf(() => rig.connection.addProvisioning(provisioning)), "argument");
	}
});
