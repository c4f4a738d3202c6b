// SPDX-License-Identifier: Apache-2.0
/**
 * A thing's first day at AWS on the engine of the device, with the memory of a stock ESP32 and its stack: see
 * `programs/thing.ts`. Simulated AWS on loopback, with certificates on both sides.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { FlowCloud } from "./flow.js";
import { availableBits, temporaryDirectory } from "./runner.js";

const TIMEOUT = 120_000;
const wordSizes = await availableBits();

suite("a thing's first day at AWS", { timeout: TIMEOUT }, () => {
	let aws: FlowCloud;
	const directory = temporaryDirectory();

	before(async () => { aws = await FlowCloud.make(); });
	after(async () => {
		await aws.close();
		rmSync(directory, { recursive: true });
	});

	for (const bits of wordSizes) {
		for (const keyType of [undefined, "P-256"] as const) {
			const name = `XS ${bits}: with a key that ${keyType === undefined ? "AWS" : "the device"} makes`;
			test(name, async () => {
				const flow = await aws.run({ bits, keyType, directory: join(directory, `${bits}-${keyType}`) });
				const { thing, lines, credentials } = flow;
				assert.ok(flow.complete, [...lines, ...flow.errors].join("\n"));
				const said = (line: string): void => assert.ok(lines.includes(line), `${line}, of:\n${lines.join("\n")}`);
				assert.deepEqual(lines.slice(0, 2), ["configured warm", `provisioned ${thing}`]);
				said(`job repaint-${thing} begins`);
				said(`job repaint-${thing} SUCCEEDED`);
				// Names that the program did not declare are left out.
				said('command {"blink":3}');
				assert.deepEqual(lines.filter((line) => line.startsWith("error")), []);

				// Its own certificate, and by that the thing that it registered as.
				assert.equal(credentials.id, thing);
				const certificate = new X509Certificate(credentials.certificate!);
				assert.equal(aws.cloud.registry.ownerOf(certificate.fingerprint256.replaceAll(":", "").toLowerCase()), thing);
				assert.equal(certificate.publicKey.asymmetricKeyType, keyType === undefined ? "rsa" : "ec");

				// What both sides changed while they were apart, by the rules of the model.
				const agreed = { on: true, brightness: 70, starts: 11, colour: { hue: 200, saturation: 80 } };
				const { desired, reported, delta } = aws.cloud.shadows.get(thing)!.state;
				assert.deepEqual([reported, delta], [agreed, undefined]);
				assert.deepEqual(desired, { brightness: 70, starts: 11, colour: { hue: 200 } });
				const network = aws.cloud.shadows.get(thing, "network")!.state;
				assert.deepEqual(network.reported, { name: "attic", servers: ["10.0.0.1", "10.0.0.2"] });
				assert.equal(aws.jobStatus(thing), "SUCCEEDED");
			});
		}
	}
});
