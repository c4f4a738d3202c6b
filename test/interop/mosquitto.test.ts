// SPDX-License-Identifier: Apache-2.0
/** The Node host against mosquitto: certificates both ways, and what a refusal looks like when a real broker says it. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import type { SecureOptions, Stream, StreamCallbacks } from "../../src/host.js";
import { createHost } from "../../hosts/node/index.js";
import { makeBrokerAuthority, makeCertificates, type BrokerAuthority, type Identity } from "../host/certificates.js";
import { Mosquitto, needsMosquitto, type MosquittoOptions } from "./mosquitto.js";

/** MQTT 3.1.1 CONNECT: clean session, keep alive 60 s, no client identifier; and its CONNACK. */
const CONNECT = new Uint8Array([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0]);
const CONNACK = new Uint8Array([0x20, 2, 0, 0]);
const OPTIONS = { ...needsMosquitto, timeout: 60_000 };

const host = createHost({ directory: "nowhere" });
const authority = await makeBrokerAuthority();
const device = await authority.issueDevice("device-1");

async function start(context: TestContext, by: BrokerAuthority = authority, options: Partial<MosquittoOptions> = {}): Promise<Mosquitto> {
	const mosquitto = await Mosquitto.start({ anchor: by.anchor, server: by.server, ...options });
	context.after(() => mosquitto.stop());
	return mosquitto;
}

function secured(by: BrokerAuthority, identity?: Identity): SecureOptions {
	return {
		certificates: [by.anchor],
		...(identity === undefined ? {} : { clientCertificates: identity.chain, clientKey: identity.key }),
	};
}

function openTLS({ address, port }: Mosquitto, secure: SecureOptions, name = "localhost") {
	return (callbacks: StreamCallbacks) => new host.tls.io({ address, port, host: name, secure, ...callbacks });
}

interface Outcome { stream: Stream; answer?: Uint8Array; error?: DeviceError; ended: Promise<DeviceError> }

/** Sends CONNECT and waits for the answer or the error; `ended` is the error that comes later. */
function greet(context: TestContext, open: (callbacks: StreamCallbacks) => Stream, greeting = CONNECT): Promise<Outcome> {
	return new Promise(resolve => {
		let end!: (error: DeviceError) => void;
		const ended = new Promise<DeviceError>(resolve => { end = resolve; });
		let greeted = false;
		const stream = open({
			onWritable() {
				if (!greeted) stream.write(greeting);
				greeted = true;
			},
			onReadable(count) {
				const answer = new Uint8Array(count);
				stream.read(answer);
				resolve({ stream, answer, ended });
			},
			onError(error) {
				resolve({ stream, error, ended });
				end(error);
			},
		});
		context.after(() => stream.close());
	});
}

for (const algorithm of ["P-256", "RSA-2048"] as const) {
	test(`mosquitto: a device certificate of ${algorithm} is accepted, and its common name is the user`, OPTIONS, async context => {
		const by = await makeBrokerAuthority(algorithm);
		const mosquitto = await start(context, by);
		const { answer } = await greet(context, openTLS(mosquitto, secured(by, await by.issueDevice("lamp-7"))));
		assert.deepEqual(answer, CONNACK);
		assert.match(mosquitto.logs, /u'lamp-7'/);
	});
}

test("mosquitto: its address in the certificate serves as host too, and another name is refused with tls", OPTIONS, async context => {
	const mosquitto = await start(context);
	assert.deepEqual((await greet(context, openTLS(mosquitto, secured(authority, device), "127.0.0.1"))).answer, CONNACK);
	assert.equal((await greet(context, openTLS(mosquitto, secured(authority, device), "other.test"))).error?.code, "tls");
});

test("mosquitto: without a certificate, or with a foreign one, the error is tls with the alert, although the program writes at once", OPTIONS, async context => {
	const mosquitto = await start(context);
	const { foreignClient } = await makeCertificates();
	const namesake = await (await makeBrokerAuthority()).issueDevice("device-1");
	// certificate_required, unknown_ca, and decrypt_error where the issuer's name is right and its key is not.
	for (const [identity, alert] of [[undefined, 116], [foreignClient, 48], [namesake, 51]] as const) {
		// Again and again, because the alert once raced with what the program wrote.
		for (let round = 0; round < 20; round++) {
			const { error } = await greet(context, openTLS(mosquitto, secured(authority, identity)));
			assert.deepEqual([error?.code, error?.detail], ["tls", alert], error?.message);
		}
	}
});

test("mosquitto: killed, the connection is closed; started again, it is there on the same port", OPTIONS, async context => {
	const mosquitto = await start(context);
	const { ended } = await greet(context, openTLS(mosquitto, secured(authority, device)));
	await mosquitto.kill();
	assert.equal((await ended).code, "closed");
	assert.equal((await greet(context, openTLS(mosquitto, secured(authority, device)))).error?.code, "unreachable");
	await mosquitto.restart();
	assert.deepEqual((await greet(context, openTLS(mosquitto, secured(authority, device)))).answer, CONNACK);
});

test("mosquitto: the plain listener and the WebSocket listener are open when asked for", OPTIONS, async context => {
	const mosquitto = await start(context, authority, { plain: true, websocket: true });
	const open = (port: number) => (callbacks: StreamCallbacks) => new host.tcp.io({ address: mosquitto.address, port, ...callbacks });
	assert.deepEqual((await greet(context, open(mosquitto.plainPort))).answer, CONNACK);
	const upgrade = [
		"GET /mqtt HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: mqtt", "", "",
	].join("\r\n");
	const { answer } = await greet(context, open(mosquitto.websocketPort), new TextEncoder().encode(upgrade));
	assert.match(new TextDecoder().decode(answer), /^HTTP\/1\.1 101 /);
});
