// SPDX-License-Identifier: Apache-2.0
/** Custom authorizers and policies of the simulated AWS: what is read, what is refused, and what it permits. */
import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import type { AuthorizerRequest, AuthorizerResult, AwsAuthorizer } from "../../hosts/simulator/clouds/aws/authorizer.js";
import type { AwsPrincipal } from "../../hosts/simulator/clouds/aws/policy.js";
import type { AwsPolicyDocument } from "../../hosts/simulator/clouds/aws/policy-document.js";
import { policyOf } from "../../hosts/simulator/clouds/aws/policy-document.js";
import { signedBy } from "../../hosts/simulator/clouds/aws/signature.js";
import { AwsScene } from "./aws-scene.js";

const GOOD: AuthorizerResult = { isAuthenticated: true, principalId: "user1" };
const SECURE = { secure: true, serverName: "cloud.test", protocol: "mqtt" } as const;

/** A scene with an authorizer, and what it was asked. */
function scene(authorizer: Partial<AwsAuthorizer> = {}): { scene: AwsScene; asked: AuthorizerRequest[] } {
	const asked: AuthorizerRequest[] = [];
	return { asked, scene: new AwsScene({ limits: { connectsPerSecond: Infinity }, authorizer: {
		name: "door", tokenKeyName: "token",
		decide(request) {
			asked.push(request);
			return GOOD;
		},
		...authorizer,
	} }) };
}

/** The return code of a CONNECT. */
function codeFor(there: AwsScene, username: string | undefined, more: { clientId?: string; password?: string; origin?: object } = {}): number {
	const { clientId = "lamp", password, origin = SECURE } = more;
	return there.dial({ origin }).connect(clientId, {
		...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password: Buffer.from(password) }),
	}, there.now).takeOne("connack").returnCode!;
}

suite("AWS custom authorizer", () => {
	test("is told what the vendor's function is told", () => {
		const { scene: there, asked } = scene();
		assert.equal(codeFor(there, "me?x-amz-customauthorizer-name=door&token=a%20b%3D", { password: "secret" }), 0);
		assert.deepEqual(asked, [{
			token: "a b=", signatureVerified: false, protocols: ["tls", "mqtt"], connectionMetadata: { id: "connection-1" },
			protocolData: {
				tls: { serverName: "cloud.test" }, http: undefined,
				mqtt: { username: "me?x-amz-customauthorizer-name=door&token=a%20b%3D", password: "c2VjcmV0", clientId: "lamp" },
			},
		}]);
	});

	test("takes its parameters from the headers and the query of a WebSocket, too", () => {
		const { scene: there, asked } = scene();
		const request = { url: "/mqtt?x-amz-customauthorizer-name=door&token=query", headers: { "user-agent": "x" } };
		assert.equal(codeFor(there, undefined, { origin: { secure: true, request } }), 0);
		assert.deepEqual([asked[0]?.token, asked[0]?.protocols, asked[0]?.protocolData.http], ["query", ["tls", "http", "mqtt"], { headers: request.headers, queryString: request.url }]);
		codeFor(there, undefined, { origin: { secure: true, request: { ...request, headers: { token: "header" } } } });
		codeFor(there, "?token=name", { origin: { secure: true, request: { ...request, headers: { token: "header" } } } });
		assert.deepEqual(asked.slice(1).map(({ token }) => token), ["header", "name"]);
	});

	test("another authorizer's name, an ill-formed parameter, and what the function refuses: 5, by MQTT 5 0x87", () => {
		assert.equal(codeFor(scene().scene, "?x-amz-customauthorizer-name=other&token=t"), 5);
		assert.equal(codeFor(scene().scene, "?token=%ZZ"), 5);
		assert.equal(codeFor(scene().scene, "?token=t"), 0);
		assert.equal(codeFor(scene().scene, undefined), 0);
		const { scene: there } = scene({ decide: () => undefined });
		assert.equal(there.dial({ origin: SECURE }).connect5("lamp").takeOne("connack").reasonCode, 0x87);
		const wrong: readonly AuthorizerResult[] = [
			{ ...GOOD, isAuthenticated: false }, { ...GOOD, principalId: "" }, { ...GOOD, principalId: "a-b" }, { ...GOOD, disconnectAfterInSeconds: 299 },
			{ ...GOOD, disconnectAfterInSeconds: 86_401 }, { ...GOOD, policyDocuments: ["{"] }, { ...GOOD, policyDocuments: ["{}"] },
			{ ...GOOD, policyDocuments: Array<string>(11).fill('{"Statement":[]}') }, { ...GOOD, policyDocuments: [`{"Statement":[],"x":"${"x".repeat(2048)}"}`] },
		];
		for (const result of wrong) assert.equal(codeFor(scene({ decide: () => result }).scene, "?token=t"), 5, JSON.stringify(result));
	});

	test("a signature is checked where there is a key: RSA with SHA-256 of the token", () => {
		const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
		const verify = signedBy(publicKey.export({ format: "pem", type: "spki" }) as string);
		const signature = encodeURIComponent(createSign("sha256").update("t").sign(privateKey, "base64"));
		const { scene: there, asked } = scene({ verify });
		assert.equal(codeFor(there, `?token=t&x-amz-customauthorizer-signature=${signature}`), 0);
		assert.equal(asked[0]?.signatureVerified, true);
		for (const username of [`?token=u&x-amz-customauthorizer-signature=${signature}`, "?token=t", `?x-amz-customauthorizer-signature=${signature}`, "?token=t&x-amz-customauthorizer-signature=AAAA"]) {
			assert.equal(codeFor(there, username), 5);
		}
		assert.equal(asked.length, 1);
	});

	test("a connection ends when its time is over, and tells why; a newer one of the same client counts anew", () => {
		const { scene: there } = scene({ decide: () => ({ ...GOOD, disconnectAfterInSeconds: 300 }) });
		const connect = () => there.dial({ origin: SECURE }).connect5("lamp", { keepalive: 1200 }, there.now);
		const watcher = there.dial({ fingerprint: "fingerprint" });
		watcher.connect("lamp");
		const first = connect();
		there.wait(200_000);
		const second = connect();
		assert.equal(first.closed, true);
		second.take();
		there.wait(299_999);
		assert.deepEqual([second.closed, second.take()], [false, []]);
		there.wait(1);
		assert.equal(second.takeOne("disconnect").reasonCode, 0x87);
	});

	test("who has a certificate is not asked about", () => {
		const { scene: there, asked } = scene();
		there.thing();
		assert.deepEqual(asked, []);
	});

	test("the documents of a result are what its client may do, and without any the cloud's policy is", () => {
		const policyDocuments = [{ Version: "2012-10-17", Statement: [
			{ Effect: "Allow", Action: "iot:Connect", Resource: "*" },
			{ Effect: "Allow", Action: ["iot:Subscribe"], Resource: "arn:aws:iot:eu-west-1:123456789012:topicfilter/rooms/*" },
		] }] as const;
		const { scene: there } = scene({ decide: () => ({ ...GOOD, policyDocuments }) });
		const client = there.dial({ origin: SECURE }).connect("lamp");
		client.take();
		assert.deepEqual(client.subscribe("rooms/+/light").takeOne("suback").granted, [1]);
		assert.deepEqual(client.subscribe("$aws/things/lamp/shadow/get/+").takeOne("suback").granted, [0x80]);
		const free = scene().scene.dial({ origin: SECURE }).connect("lamp");
		free.take();
		assert.deepEqual(free.subscribe("$aws/things/lamp/shadow/get/+").takeOne("suback").granted, [1]);
	});

	test("documents that forbid to connect are a refusal", () => {
		assert.equal(codeFor(scene({ decide: () => ({ ...GOOD, policyDocuments: [] }) }).scene, "?token=t"), 5);
	});
});

suite("AWS policy documents", () => {
	const lamp: AwsPrincipal = { kind: "thing", id: "f", thing: "lamp", clientId: "lamp-1" };
	const arn = (resource: string): string => `arn:aws:iot:us-east-1:000000000000:${resource}`;
	const allow = (Action: string | string[], Resource: string | string[]): AwsPolicyDocument => ({ Statement: { Effect: "Allow", Action, Resource } });

	const CASES: readonly (readonly [document: AwsPolicyDocument, action: "connect" | "publish" | "subscribe" | "retain", resource: string, permitted: boolean])[] = [
		[allow("iot:*", "*"), "publish", "a/b", true],
		[allow("*", arn("*")), "connect", "x", true],
		[allow("iot:Publish", arn("topic/a/*")), "publish", "a/b/c", true],
		[allow("iot:Publish", arn("topic/a/*")), "publish", "b/a/c", false],
		[allow("iot:Publish", arn("topic/a/*/c")), "publish", "a/b/b/c", true],
		[allow("iot:Publish", arn("topic/a/*/c")), "publish", "a/b/d", false],
		[allow("iot:Publish", arn("topic/a/?")), "publish", "a/b", true],
		[allow("iot:Publish", arn("topic/a/?")), "publish", "a/bc", false],
		[allow("iot:Publish", arn("topic/a")), "retain", "a", false],
		[allow("iot:RetainPublish", arn("topic/a")), "retain", "a", true],
		[allow("iot:Subscribe", arn("topicfilter/a/+")), "subscribe", "a/+", true],
		[allow("iot:Subscribe", arn("topicfilter/a/+")), "subscribe", "a/b", false],
		[allow("iot:Subscribe", arn("topic/a")), "subscribe", "a", false],
		[allow("iot:Connect", arn("client/${iot:ClientId}")), "connect", "lamp-1", true],
		[allow("iot:Publish", arn("topic/things/${iot:Connection.Thing.ThingName}/x")), "publish", "things/lamp/x", true],
		[allow("iot:Publish", arn("topic/things/${iot:Connection.Thing.ThingName}/x")), "publish", "things/other/x", false],
		[allow(["iot:Connect", "iot:Publish"], [arn("client/a"), arn("topic/urn:x:y")]), "publish", "urn:x:y", true],
		[{ Statement: { Effect: "Allow", Action: "*", Resource: "*", Condition: {} } }, "publish", "a", false],
	];
	for (const [document, action, resource, permitted] of CASES) {
		test(`${JSON.stringify(document.Statement)}: ${action} ${resource} ${permitted ? "is" : "is not"} permitted`, () => {
			assert.equal(policyOf(document)(lamp, action, resource), permitted);
		});
	}

	test("a denial wins, wherever it stands; a variable without a value fits nothing", () => {
		const deny: AwsPolicyDocument = { Statement: [{ Effect: "Deny", Action: "iot:Publish", Resource: arn("topic/secret*") }] };
		for (const documents of [[deny, allow("*", "*")], [allow("*", "*"), deny]]) {
			assert.deepEqual(["secret/x", "open"].map(topic => policyOf(...documents)(lamp, "publish", topic)), [false, true]);
		}
		const own = policyOf(allow("iot:Publish", arn("topic/${iot:Connection.Thing.ThingName}/x")));
		assert.equal(own({ ...lamp, thing: undefined }, "publish", "/x"), false);
	});

	test("what is no policy is an argument that cannot be", () => {
		for (const document of [{}, { Statement: [{}] }, { Statement: { Effect: "allow", Action: "*", Resource: "*" } }, null]) {
			assert.throws(() => policyOf(document as AwsPolicyDocument), { code: "argument" });
		}
	});
});
