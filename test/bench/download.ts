// SPDX-License-Identifier: Apache-2.0
/**
 * A release over HTTPS on loopback: through our source, and as a bare copy of the same TLS stream by Node, in turn.
 *
 * Node's host has the windows of a device, which is most of the difference: the ratio says what a device's manner costs
 * where there is no network to wait for.
 */
import { randomBytes } from "node:crypto";
import { connect } from "node:tls";
import { createHost } from "../../hosts/node/index.js";
import { createCloud, type Cloud } from "../../hosts/simulator/index.js";
import { HTTPSSource } from "../../src/ota/https.js";

export const LENGTH = 4 * 1024 * 1024;
export const ROUND_COUNT = 7;

export interface DownloadRow {
	/** Bytes a second. */
	ours: number;
	copy: number;
}

export async function measureDownload(): Promise<DownloadRow> {
	const cloud = await createCloud();
	try {
		await cloud.serve({ firmwarePort: 0 });
		const url = cloud.firmware.put("bench.mrl", randomBytes(LENGTH));
		const rates: [number[], number[]] = [[], []];
		for (let round = 0; round < ROUND_COUNT; round++) {
			rates[0].push(await rate(() => fetchOurs(cloud, url)));
			rates[1].push(await rate(() => copy(cloud, new URL(url))));
		}
		return { ours: median(rates[0]), copy: median(rates[1]) };
	} finally {
		await cloud.close();
	}
}

async function rate(work: () => Promise<number>): Promise<number> {
	const begin = performance.now();
	const received = await work();
	if (received < LENGTH) throw new Error(`${received} bytes of ${LENGTH}`);
	return received / (performance.now() - begin) * 1000;
}

function fetchOurs(cloud: Cloud, url: string): Promise<number> {
	const source = new HTTPSSource(createHost({ directory: ".moorline" }), url, { anchors: [cloud.authority.certificate] });
	let received = 0;
	return new Promise((resolve, reject) => {
		source.open(0, LENGTH, {
			onBytes: (_, start, end) => {
				received += end - start;
				return true;
			},
			onEnd: () => { resolve(received); },
			onFailed: reject,
		});
	});
}

/** All that a bare TLS stream of a release brings. @returns bytes */
export function copy(cloud: Cloud, { hostname, port, pathname }: URL): Promise<number> {
	let received = 0;
	return new Promise((resolve, reject) => {
		const socket = connect({ host: "127.0.0.1", port: Number(port), servername: hostname, ca: cloud.authority.certificatePem }, () => {
			socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
		});
		socket.on("data", (bytes: Buffer) => { received += bytes.byteLength; });
		socket.on("error", reject);
		socket.on("end", () => { resolve(received); });
	});
}

function median(values: number[]): number {
	return values.sort((left, right) => left - right)[values.length >> 1]!;
}
