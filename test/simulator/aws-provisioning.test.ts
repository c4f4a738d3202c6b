// SPDX-License-Identifier: Apache-2.0
/** Fleet provisioning by claim in the simulated AWS, and the certificates that it gives. */
// @peculiar/x509 refuses to load without it.
import "reflect-metadata";
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, webcrypto, X509Certificate } from "node:crypto";
import { suite, test } from "node:test";
import * as x509 from "@peculiar/x509";
import { createAuthority } from "../../hosts/simulator/authority.js";
import { Certificates } from "../../hosts/simulator/clouds/aws/certificates.js";
import { ModelledCertificates } from "../../hosts/simulator/clouds/aws/modelled.js";
import {
	ProvisioningService, TOKEN_LIFETIME, type CertificateIssuer, type IssuedCertificate, type ProvisioningOptions, type SignedCertificate,
} from "../../hosts/simulator/clouds/aws/provisioning.js";
import { createWorld } from "../../hosts/world/index.js";
import { decodeCertificate } from "../../hosts/world/certificate.js";
import { DeviceError } from "../../src/base/error.js";
import { createCSR } from "../../src/identity/csr.js";
import { encodePEM } from "../../src/identity/pem.js";
import { Cloud } from "./aws-context.js";

const CSR = "a request";

/** Certificates that are numbers; `hold` keeps the answers back. */
class FakeIssuer implements CertificateIssuer {
	readonly activated: [string, string][] = [];
	readonly held: (() => void)[] = [];
	hold = false;
	failure: unknown;
	#count = 0;

	create(done: (issued: IssuedCertificate) => void, fail: (error: unknown) => void): void {
		this.#answer(() => { done({ ...this.#next(), privateKeyPem: "a key" }); }, fail);
	}

	sign(csrPem: string, done: (signed: SignedCertificate) => void, fail: (error: unknown) => void): void {
		assert.equal(csrPem, CSR);
		this.#answer(() => { done(this.#next()); }, fail);
	}

	activate(certificateId: string, thingName: string): void { this.activated.push([certificateId, thingName]); }

	#answer(done: () => void, fail: (error: unknown) => void): void {
		const answer = () => { if (this.failure === undefined) done(); else fail(this.failure); };
		if (this.hold) this.held.push(answer);
		else answer();
	}

	#next(): SignedCertificate {
		this.#count++;
		return { certificateId: `id-${this.#count}`, certificatePem: `certificate ${this.#count}` };
	}
}

class Lab {
	readonly cloud = new Cloud();
	readonly issuer = new FakeIssuer();
	readonly registered: [string, string][] = [];
	readonly claims: unknown[] = [];
	format = "json";
	#tokens = 0;

	constructor(options: Partial<ProvisioningOptions> = {}) {
		this.cloud.service = new ProvisioningService(this.cloud, {
			issuer: this.issuer, newToken: () => `token-${++this.#tokens}`, onRegistered: (...registered) => { this.registered.push(registered); },
			templates: {
				lamps: { parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}`, deviceConfiguration: { room: "hall" } },
				hooked: {
					parameters: ["SerialNumber"], thingName: ({ SerialNumber, Place }) => `${Place}-${SerialNumber}`,
					hook: claim => {
						this.claims.push(claim);
						return { allowProvisioning: claim.parameters["SerialNumber"] !== "stolen", parameterOverrides: { Place: "attic" } };
					},
				},
			},
			...options,
		});
	}

	/** @returns the answer's last level and its body */
	ask(operation: string, body: unknown = {}): [string, any] {
		const topic = `$aws/${operation}/${this.format}`, sent = this.cloud.ask(topic, body, "claimer");
		assert.equal(sent.length, 1);
		assert.equal(sent[0]!.to, "claimer");
		assert.ok(sent[0]!.topic.startsWith(topic));
		return [sent[0]!.topic.slice(topic.length + 1), sent[0]!.body];
	}

	token(): string {
		return this.ask("certificates/create")[1].certificateOwnershipToken;
	}

	provision(certificateOwnershipToken: string, parameters: unknown = { SerialNumber: "7" }, template = "lamps"): [string, any] {
		return this.ask(`provisioning-templates/${template}/provision`, { certificateOwnershipToken, parameters });
	}
}

suite("ProvisioningService", () => {
	for (const format of ["json", "cbor"]) {
		test(`a device gets a certificate and becomes a thing, in ${format}`, () => {
			const lab = new Lab();
			lab.format = format;
			assert.deepEqual(lab.ask("certificates/create", new Uint8Array(0)), ["accepted", {
				certificateId: "id-1", certificatePem: "certificate 1", privateKey: "a key", certificateOwnershipToken: "token-1",
			}]);
			assert.deepEqual(lab.ask("certificates/create-from-csr", { certificateSigningRequest: CSR }), ["accepted", {
				certificateId: "id-2", certificatePem: "certificate 2", certificateOwnershipToken: "token-2",
			}]);
			assert.deepEqual([lab.registered, lab.issuer.activated], [[], []]);
			assert.deepEqual(lab.provision("token-2"), ["accepted", { deviceConfiguration: { room: "hall" }, thingName: "lamp-7" }]);
			assert.deepEqual([lab.registered, lab.issuer.activated], [[["lamp-7", "id-2"]], [["id-2", "lamp-7"]]]);
			assert.deepEqual(lab.provision("token-2")[1], {
				statusCode: 400, errorCode: "InvalidCertificateOwnershipToken", errorMessage: "The ownership token is not valid",
			});
			// What a CBOR map may hold, but JSON not.
			if (format === "cbor") assert.equal(lab.ask("certificates/create", Uint8Array.of(0xa1, 0x01, 0x02))[1].errorCode, "InvalidRequest");
		});
	}

	test("an ownership token is valid for an hour", () => {
		const lab = new Lab(), early = lab.token();
		lab.cloud.advance(TOKEN_LIFETIME - 1);
		const late = lab.token();
		assert.equal(lab.cloud.service.deadline, TOKEN_LIFETIME);
		lab.cloud.advance(1);
		assert.equal(lab.provision(early)[1].errorCode, "InvalidCertificateOwnershipToken");
		lab.cloud.advance(TOKEN_LIFETIME - 2);
		assert.equal(lab.provision(late)[0], "accepted");
		assert.equal(lab.cloud.service.deadline, Infinity);
	});

	test("a token that has run out is refused, even when nobody was told that it has", () => {
		const lab = new Lab(), token = lab.token();
		lab.cloud.now += TOKEN_LIFETIME;
		assert.equal(lab.provision(token)[1].errorCode, "InvalidCertificateOwnershipToken");
	});

	test("a thing's name has 1 to 128 characters", () => {
		const lab = new Lab({ templates: { any: { parameters: ["name"], thingName: ({ name }) => name! } } });
		for (const [length, verdict] of [[0, "rejected"], [1, "accepted"], [128, "accepted"], [129, "rejected"]] as const) {
			assert.equal(lab.provision(lab.token(), { name: "x".repeat(length) }, "any")[0], verdict, `${length}`);
		}
	});

	test("where tokens are reusable, an answer that was lost is given again", () => {
		const lab = new Lab({ reusableTokens: true }), token = lab.token();
		assert.deepEqual(lab.provision(token), lab.provision(token));
		assert.deepEqual(new Set(lab.registered.map(String)), new Set(["lamp-7,id-1"]));
	});

	test("the hook hears of the claim, replaces parameters, and may refuse", () => {
		const lab = new Lab();
		assert.deepEqual(lab.provision(lab.token(), { SerialNumber: "8" }, "hooked"), ["accepted", { deviceConfiguration: {}, thingName: "attic-8" }]);
		assert.deepEqual(JSON.parse(JSON.stringify(lab.claims)),
			[{ templateName: "hooked", certificateId: "id-1", clientId: "claimer", parameters: { SerialNumber: "8" } }]);
		const token = lab.token();
		assert.deepEqual(lab.provision(token, { SerialNumber: "stolen" }, "hooked"),
			["rejected", { statusCode: 403, errorCode: "AccessDenied", errorMessage: "Access denied" }]);
		// It is the claim that was refused, and not the token.
		assert.equal(lab.provision(token)[0], "accepted");
	});

	const refusals: [string, string, unknown, number, string][] = [
		["what is not JSON", "certificates/create", Uint8Array.of(0x7b), 400, "InvalidRequest"],
		["an array", "certificates/create", [], 400, "InvalidRequest"],
		["no request for a certificate", "certificates/create-from-csr", {}, 400, "InvalidRequest"],
		["an empty one", "certificates/create-from-csr", { certificateSigningRequest: "" }, 400, "InvalidRequest"],
		["one that is no text", "certificates/create-from-csr", { certificateSigningRequest: 1 }, 400, "InvalidRequest"],
		["one that is too long", "certificates/create-from-csr", { certificateSigningRequest: "x".repeat(4097) }, 400, "InvalidRequest"],
		["no token", "provisioning-templates/lamps/provision", { parameters: { SerialNumber: "7" } }, 400, "InvalidCertificateOwnershipToken"],
		["a token that is no text", "provisioning-templates/lamps/provision", { certificateOwnershipToken: 1 }, 400, "InvalidRequest"],
		["an unknown token", "provisioning-templates/lamps/provision", { certificateOwnershipToken: "mine" }, 400, "InvalidCertificateOwnershipToken"],
		["an unknown template", "provisioning-templates/fans/provision", { certificateOwnershipToken: "token-1" }, 404, "ResourceNotFound"],
		["a template that objects have by nature", "provisioning-templates/constructor/provision", {}, 404, "ResourceNotFound"],
		["parameters that are no object", "provisioning-templates/lamps/provision", { certificateOwnershipToken: "token-1", parameters: [] }, 400, "InvalidRequest"],
		["a parameter that is no text", "provisioning-templates/lamps/provision", { certificateOwnershipToken: "token-1", parameters: { SerialNumber: 7 } }, 400, "InvalidRequest"],
		["no parameters", "provisioning-templates/lamps/provision", { certificateOwnershipToken: "token-1" }, 400, "InvalidParameters"],
		["an unknown parameter", "provisioning-templates/lamps/provision", { certificateOwnershipToken: "token-1", parameters: { SerialNumber: "7", Colour: "red" } }, 400, "InvalidParameters"],
		["parameters that make no name", "provisioning-templates/lamps/provision", { certificateOwnershipToken: "token-1", parameters: { SerialNumber: "a/b" } }, 400, "InvalidParameters"],
	];
	for (const [what, operation, body, statusCode, errorCode] of refusals) {
		test(`refuses ${what} with ${statusCode} ${errorCode}, and registers nothing`, () => {
			const lab = new Lab();
			lab.token();
			const [verdict, answer] = lab.ask(operation, body);
			assert.equal(verdict, "rejected");
			assert.deepEqual({ ...answer, errorMessage: "" }, { statusCode, errorCode, errorMessage: "" });
			assert.deepEqual([lab.registered, lab.issuer.activated], [[], []]);
			assert.equal(lab.provision("token-1")[0], "accepted");
		});
	}

	for (const [code, statusCode, errorCode] of [
		["malformed", 400, "InvalidCertificateSigningRequest"], ["signature", 400, "InvalidCertificateSigningRequest"],
		["unsupported", 400, "InvalidCertificateSigningRequest"], ["internal", 500, "InternalFailure"],
	] as const) {
		test(`an issuer that fails with ${code} is answered as ${errorCode}`, () => {
			const lab = new Lab({ tokenCountMaximum: 1 });
			lab.issuer.failure = new DeviceError(code, "failed");
			const [, answer] = lab.ask("certificates/create-from-csr", { certificateSigningRequest: CSR });
			assert.deepEqual([answer.statusCode, answer.errorCode], [statusCode, errorCode]);
			lab.issuer.failure = undefined;
			assert.equal(lab.ask("certificates/create")[0], "accepted");
		});
	}

	test("a registry that is full is answered as InternalFailure, and the token stays good", () => {
		let isFull = true;
		const lab = new Lab({ onRegistered: () => { if (isFull) throw new DeviceError("full", "full"); } }), token = lab.token();
		assert.deepEqual(lab.provision(token)[1].statusCode, 500);
		assert.deepEqual(lab.issuer.activated, []);
		isFull = false;
		assert.equal(lab.provision(token)[0], "accepted");
	});

	test("certificates that nobody claims are bounded, those in the making included, until they expire", () => {
		const lab = new Lab({ tokenCountMaximum: 2 });
		lab.issuer.hold = true;
		lab.cloud.receive("$aws/certificates/create/json", {});
		lab.cloud.receive("$aws/certificates/create-from-csr/json", { certificateSigningRequest: CSR });
		assert.deepEqual(lab.cloud.take(), []);
		assert.equal(lab.ask("certificates/create")[1].errorCode, "LimitExceeded");
		assert.equal(lab.ask("certificates/create-from-csr", { certificateSigningRequest: CSR })[1].errorCode, "LimitExceeded");
		for (const answer of lab.issuer.held) answer();
		assert.deepEqual(lab.cloud.take().map(({ topic }) => topic), ["$aws/certificates/create/json/accepted", "$aws/certificates/create-from-csr/json/accepted"]);
		assert.equal(lab.ask("certificates/create")[1].statusCode, 429);
		assert.equal(lab.provision("token-1")[0], "accepted");
		lab.issuer.hold = false;
		assert.equal(lab.ask("certificates/create")[0], "accepted");
		lab.cloud.advance(TOKEN_LIFETIME);
		assert.equal(lab.ask("certificates/create")[0], "accepted");
	});

	test("topics of others are left to them", () => {
		const lab = new Lab();
		for (const topic of [
			"$aws/certificates/create", "$aws/certificates/create/xml", "$aws/certificates/delete/json", "$aws/certificates/create/json/accepted",
			"$aws/provisioning-templates/lamps/json", "$aws/templates/lamps/x/provision/json", "$aws/templates/lamps/provision/json", "$aws/provisioning-templates/lamps/describe/json", "$aws/things/lamp/jobs/json",
		]) {
			assert.equal(lab.cloud.receive(topic, {}), false, topic);
		}
	});
});

function issued<Result>(start: (done: (result: Result) => void, fail: (error: unknown) => void) => void): Promise<Result> {
	return new Promise(start);
}

suite("Certificates", () => {
	for (const keyType of ["RSA-2048", "P-256"] as const) {
		test(`gives a certificate with its ${keyType} key`, async () => {
			const authority = await createAuthority(), activated: string[][] = [];
			const certificates = new Certificates(authority, { keyType, onActivated: (...args) => { activated.push(args); } });
			const { certificateId, certificatePem, privateKeyPem } = await issued<IssuedCertificate>((done, fail) => { certificates.create(done, fail); });
			const certificate = new X509Certificate(certificatePem);
			assert.equal(certificate.fingerprint256.replaceAll(":", "").toLowerCase(), certificateId);
			assert.match(certificate.subject, /^CN=AWS IoT Certificate$/);
			assert.ok(certificate.verify(createPublicKey(authority.certificatePem)));
			assert.ok(certificate.checkPrivateKey(createPrivateKey(privateKeyPem)));
			assert.match(privateKeyPem, keyType === "RSA-2048" ? /^-----BEGIN RSA PRIVATE KEY-----\n/ : /^-----BEGIN PRIVATE KEY-----\n/);
			certificates.activate(certificateId, "lamp");
			assert.deepEqual(activated, [[certificateId, "lamp"]]);
		});
	}

	const algorithms = {
		"RSA-2048": { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" },
		"RSA-1024": { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" },
		"P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
		"P-384": { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
	} as const;

	async function request(keyType: keyof typeof algorithms): Promise<{ csr: x509.Pkcs10CertificateRequest; key: webcrypto.CryptoKey }> {
		const algorithm = algorithms[keyType], keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as webcrypto.CryptoKeyPair;
		const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: "CN=lamp", keys, signingAlgorithm: algorithm }, webcrypto);
		return { csr, key: keys.privateKey };
	}

	for (const keyType of ["RSA-2048", "P-256", "P-384"] as const) {
		test(`signs a request with a key of ${keyType}`, async () => {
			const authority = await createAuthority(), { csr, key } = await request(keyType);
			const { certificateId, certificatePem } = await issued<SignedCertificate>((done, fail) => {
				new Certificates(authority).sign(csr.toString("pem"), done, fail);
			});
			const certificate = new X509Certificate(certificatePem);
			assert.ok(certificate.verify(createPublicKey(authority.certificatePem)));
			const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
			assert.ok(certificate.checkPrivateKey(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" })));
			assert.equal(certificate.fingerprint256.replaceAll(":", "").toLowerCase(), certificateId);
			assert.match(certificate.subject, /AWS IoT Certificate/);
		});
	}

	test("refuses a request that is none, that was altered, or whose key is too weak", async () => {
		const authority = await createAuthority(), certificates = new Certificates(authority);
		const sign = (pem: string) => issued<SignedCertificate>((done, fail) => { certificates.sign(pem, done, fail); });
		const { csr } = await request("P-256");
		const refused = async (pem: string, code: string) => { await assert.rejects(sign(pem), { code }); };
		await refused("a request", "malformed");
		await refused("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "malformed");
		await refused(authority.certificatePem, "malformed");
		const name = new Uint8Array(csr.rawData.slice(0));
		name[Buffer.from(name).indexOf("lamp")]! ^= 1;
		await refused(x509.PemConverter.encode(name, "CERTIFICATE REQUEST"), "signature");
		const signature = new Uint8Array(csr.rawData.slice(0));
		signature[signature.byteLength - 1]! ^= 1;
		await refused(x509.PemConverter.encode(signature, "CERTIFICATE REQUEST"), "signature");
		await refused((await request("RSA-1024")).csr.toString("pem"), "unsupported");
	});
});

suite("ModelledCertificates", () => {
	const body = (pem: string) => Buffer.from(/^-----BEGIN CERTIFICATE-----\n([^-]+)-----END CERTIFICATE-----\n$/.exec(pem)![1]!, "base64");

	test("gives certificates of the world with their keys", async () => {
		const world = createWorld({ seed: 1 }), activated: string[][] = [];
		const certificates = new ModelledCertificates(world.authority, { onActivated: (...args) => { activated.push(args); } });
		const { certificateId, certificatePem, privateKeyPem } = await issued<IssuedCertificate>(done => { certificates.create(done); });
		const certificate = decodeCertificate(body(certificatePem));
		assert.deepEqual([certificate.subject, certificate.keyId, certificate.use], ["AWS IoT Certificate", certificateId, "client"]);
		assert.match(privateKeyPem, /^-----BEGIN PRIVATE KEY-----\n/);
		certificates.activate(certificateId, "lamp");
		assert.deepEqual(activated, [[certificateId, "lamp"]]);
	});

	test("signs what a device of the world asks for, and nothing else", () => {
		const world = createWorld({ seed: 1 }), certificates = new ModelledCertificates(world.authority);
		let requested: Uint8Array | undefined;
		world.device({
			id: "lamp",
			program: host => {
				host.keys.generate({
					type: "P-256", onError: assert.fail,
					onKey: (key, publicKey) => {
						const subject = { commonName: "lamp" }, onRequest = (request: Uint8Array) => { requested = request; };
						createCSR(host, { type: "P-256", key, publicKey, subject, onRequest, onError: assert.fail });
					},
				});
			},
		});
		world.run(1000);
		const answers: string[] = [];
		const sign = (text: string) => {
			certificates.sign(text, ({ certificateId, certificatePem }) => {
				assert.equal(decodeCertificate(body(certificatePem)).keyId, certificateId);
				answers.push("signed");
			}, error => { answers.push((error as DeviceError).code); });
		};
		sign(encodePEM("CERTIFICATE REQUEST", requested!));
		const altered = Uint8Array.from(requested!);
		altered[Buffer.from(altered).indexOf("lamp")]! ^= 1;
		sign(encodePEM("CERTIFICATE REQUEST", altered));
		sign(encodePEM("CERTIFICATE", requested!));
		sign("");
		assert.deepEqual(answers, ["signed", "signature", "malformed", "malformed"]);
	});
});
