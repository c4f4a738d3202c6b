// SPDX-License-Identifier: Apache-2.0
/** A device on networks that let only some of its ways to AWS through, with a certificate and with an authorizer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizerRequest } from "../../hosts/simulator/clouds/aws/authorizer.js";
import { AwsWorldCloud, type AwsWorldCloudOptions } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { serveInWorld } from "../../hosts/simulator/in-world.js";
import { createWorld } from "../../hosts/world/index.js";
import { aws, type AwsOptions } from "../../src/clouds/aws/index.js";
import { Device } from "../../src/device.js";
import { crypto } from "../unit/storage/digest.js";

const NAME = "a1b2-ats.iot.eu-west-1.test";
/** ms within which a round of all ways is tried. */
const ROUND = 60_000;

/** A device that comes with the bare name of the endpoint, and the ports on which it was heard at last. */
function reaches({ onlyWeb = false, ...served }: AwsWorldCloudOptions & { onlyWeb?: boolean }, options: AwsOptions = {}, certified = true): { connected: boolean; lost: string[]; asked: AuthorizerRequest[] } {
	const world = createWorld({ seed: 3, digest: () => crypto.digest("SHA-256") });
	const asked: AuthorizerRequest[] = [];
	const { certificates, key: serverKey } = world.authority.issue({ subject: NAME, names: [NAME] });
	const cloud = new AwsWorldCloud(world, {
		name: NAME, ...served, limits: { connectsPerSecond: Infinity },
		authorizer: {
			name: "door", tokenKeyName: "ticket",
			decide: (request) => {
				asked.push(request);
				return request.token === "a b" ? { isAuthenticated: true, principalId: "lamp" } : undefined;
			},
		},
	});
	if (onlyWeb) serveInWorld(cloud.broker, world, { address: "10.0.0.1", port: 443, tls: { certificates, key: serverKey }, webSocket: true });
	const { certificate, key, ...identity } = identityValues({ ...cloud.manufacture("lamp"), endpoint: NAME });
	const lost: string[] = [];
	let device: Device | undefined;
	world.device({
		id: "lamp", storage: { identity: certified ? { ...identity, certificate: certificate!, key: key! } : identity },
		program: (host) => {
			device = new Device({ host, cloud: aws(options), onDisconnected: ({ code }) => lost.push(code) });
		},
	});
	for (let waited = 0; waited < ROUND && device?.connected !== true; waited += 100) world.advance(100);
	return { connected: device?.connected === true, lost, asked };
}

const AUTHORIZER: AwsOptions = { customAuthorizer: { name: "door", tokenKey: "ticket", token: "a b", password: "word" } };

test("AWS with a certificate: 8883, and 443 where that is closed", () => {
	assert.deepEqual(reaches({ port: 8883, alpnPort: 443 }), { connected: true, lost: [], asked: [] });
	assert.deepEqual(reaches({ port: 18_883, alpnPort: 443 }), { connected: true, lost: ["unreachable"], asked: [] });
	const nowhere = reaches({ port: 18_883 });
	assert.equal(nowhere.connected, false);
	assert.ok(nowhere.lost.length > 2);
});

test("AWS with a custom authorizer: 443, and a WebSocket where that speaks the web alone; by MQTT 5 and 3.1.1", () => {
	for (const protocol of [4, 5] as const) {
		const straight = reaches({ port: 8883, alpnPort: 443 }, { ...AUTHORIZER, protocol }, false);
		assert.deepEqual([straight.connected, straight.lost], [true, []]);
		const { token, protocols, protocolData: { mqtt } } = straight.asked[0]!;
		assert.deepEqual([token, protocols.includes("mqtt"), mqtt.password, mqtt.clientId], ["a b", true, "d29yZA==", "lamp"]);
		const web = reaches({ port: 8883, onlyWeb: true }, { ...AUTHORIZER, protocol }, false);
		assert.deepEqual([web.connected, web.lost], [true, ["closed"]]);
		assert.equal(web.asked[0]!.token, "a b");
	}
});

test("AWS: who is refused by the authorizer is told so, and does not try another way", () => {
	const refused = reaches({ port: 8883, alpnPort: 443 }, { customAuthorizer: { ...AUTHORIZER.customAuthorizer, token: "c" } }, false);
	assert.equal(refused.connected, false);
	assert.deepEqual([...new Set(refused.lost)], ["rejected"]);
});
