// SPDX-License-Identifier: Apache-2.0
/** The Node host resumes TLS sessions: with the same server, as the same device, trusting the same, and never otherwise. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { createHost } from "../../hosts/node/index.js";
import type { DeviceError } from "../../src/base/error.js";
import type { Host, SecureOptions, Stream } from "../../src/host.js";
import { makeCertificates, toPEM, type Identity } from "./certificates.js";

const TIMEOUT = 30_000;
const HELLO = new Uint8Array([1]);

const directory = mkdtempSync(join(tmpdir(), "moorline-sessions-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const newHost = () => createHost({ directory });
const certificates = await makeCertificates(), others = await makeCertificates();
const { host: name, anchor, client } = certificates;
const secure: SecureOptions = { certificates: [anchor] };
const asClient: SecureOptions = { ...secure, clientCertificates: client.chain, clientKey: client.key };

interface Seen { reused: boolean; client: string | undefined }

/** A server that answers one byte with one byte, and says what it saw of each client. */
class Place {
	readonly seen: Seen[] = [];
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
	}

	static async make(version: "TLSv1.2" | "TLSv1.3", { chain, key }: Identity = certificates.server, port = 0): Promise<Place> {
		const server = createServer({
			cert: chain.map(each => toPEM("CERTIFICATE", each)).join(""), key: toPEM("PRIVATE KEY", key),
			minVersion: version, maxVersion: version, requestCert: true, rejectUnauthorized: false, ca: toPEM("CERTIFICATE", anchor),
		});
		const place = new Place(server);
		server.on("tlsClientError", () => {});
		server.on("secureConnection", (socket: TLSSocket) => {
			const common = socket.getPeerCertificate().subject?.CN;
			place.seen.push({ reused: socket.isSessionReused(), client: typeof common === "string" ? common : undefined });
			socket.on("error", () => {}).on("data", bytes => socket.write(bytes));
		});
		await new Promise<void>(resolve => server.listen(port, "127.0.0.1", resolve));
		return place;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	/** Connects, exchanges a byte each way and leaves. @returns what the server saw, or the device's refusal */
	async visit(host: Host, secure: SecureOptions, asked = name): Promise<Seen | DeviceError> {
		let stream: Stream | undefined;
		const error = await new Promise<DeviceError | undefined>(resolve => {
			stream = new host.tls.io({
				address: "127.0.0.1", port: this.port, host: asked, secure,
				onWritable: () => stream!.write(HELLO),
				onReadable: () => resolve(undefined),
				onError: resolve,
			});
		});
		stream!.close();
		return error ?? this.seen.at(-1)!;
	}

	async reused(host: Host, secure: SecureOptions, asked?: string): Promise<boolean> {
		const result = await this.visit(host, secure, asked);
		if (result instanceof Error) throw result;
		return result.reused;
	}

	close(): Promise<void> {
		return new Promise(resolve => { this.#server.close(() => resolve()); });
	}
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
	suite(`Sessions of ${version}`, { timeout: TIMEOUT }, () => {
		test("each connection after the first resumes, and the server still knows who we are", async () => {
			const place = await Place.make(version), host = newHost();
			for (const [at, reused] of [false, true, true, true].entries()) assert.deepEqual(await place.visit(host, asClient), { reused, client: "device-1" }, `visit ${at}`);
			await place.close();
		});

		test("a session is not resumed as another device, nor with other anchors, another name, other protocols or another host", async () => {
			const place = await Place.make(version), host = newHost();
			assert.equal(await place.reused(host, asClient), false);
			const other = { ...asClient, clientCertificates: certificates.foreignClient.chain, clientKey: certificates.foreignClient.key };
			for (const [what, options, asked] of [
				["no identity", secure], ["another identity", other], ["another anchor", { ...asClient, certificates: [certificates.server.chain[1]!] }],
				["one more anchor", { ...asClient, certificates: [anchor, others.anchor] }],
				["a protocol", { ...asClient, applicationLayerProtocolNegotiation: ["mqtt"] }],
				["the address as name", asClient, certificates.address],
			] as const) {
				assert.equal(await place.reused(host, options, asked), false, what);
			}
			assert.equal(await place.reused(newHost(), asClient), false, "another host");
			assert.equal(await place.reused(host, asClient), true, "the first one again");
			await place.close();
		});

		test("an anchor that the server's certificate does not lead to is refused, whatever was resumed before", async () => {
			const place = await Place.make(version), host = newHost();
			assert.equal(await place.reused(host, secure), false);
			assert.equal(await place.reused(host, secure), true);
			for (let attempt = 0; attempt < 2; attempt++) {
				assert.equal((await place.visit(host, { certificates: [others.anchor] }) as DeviceError).code, "tls");
				assert.equal((await place.visit(host, secure, "other.test") as DeviceError).code, "tls");
			}
			await place.close();
		});

		test("the session of a server that was refused is not kept: each attempt is refused", async () => {
			for (const kind of ["wrongHost", "expired", "foreign"] as const) {
				const place = await Place.make(version, certificates.hostile[kind]), host = newHost();
				for (let attempt = 0; attempt < 3; attempt++) assert.equal((await place.visit(host, secure) as DeviceError).code, "tls", kind);
				await place.close();
			}
		});

		test("a server that has lost its keys gets a whole handshake, and one that came instead of it must prove who it is", async () => {
			const host = newHost();
			let place = await Place.make(version);
			const { port } = place;
			assert.equal(await place.reused(host, secure), false);
			await place.close();
			place = await Place.make(version, certificates.server, port);
			assert.equal(await place.reused(host, secure), false);
			assert.equal(await place.reused(host, secure), true);
			await place.close();
			place = await Place.make(version, certificates.hostile.foreign, port);
			assert.equal((await place.visit(host, secure) as DeviceError).code, "tls");
			await place.close();
		});

		test("a session ends with the certificate that it vouches for", async context => {
			const place = await Place.make(version), host = newHost();
			assert.equal(await place.reused(host, secure), false);
			assert.equal(await place.reused(host, secure), true);
			// Only the host asks this clock, OpenSSL has its own; the certificate is good for another 90 days.
			context.mock.timers.enable({ apis: ["Date"], now: Date.now() + 91 * 86_400_000 });
			assert.equal(await place.reused(host, secure), false);
			await place.close();
		});

		test("the number of sessions has a limit: the oldest goes", async () => {
			const place = await Place.make(version), host = newHost();
			const variant = (index: number): SecureOptions => ({ ...secure, applicationLayerProtocolNegotiation: [`p${index}`] });
			for (let index = 0; index < 9; index++) assert.equal(await place.reused(host, variant(index)), false);
			assert.equal(await place.reused(host, variant(8)), true);
			assert.equal(await place.reused(host, variant(1)), true);
			assert.equal(await place.reused(host, variant(0)), false);
			await place.close();
		});
	});
}
