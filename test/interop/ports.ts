// SPDX-License-Identifier: Apache-2.0
/** Ports for servers that cannot choose their own and tell. */
import { createServer, type AddressInfo } from "node:net";

/** Ports of loopback that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({ length: count }, () => createServer());
	await Promise.all(servers.map((server) => new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); })));
	const ports = servers.map((server) => (server.address() as AddressInfo).port);
	await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
	return ports;
}
