// SPDX-License-Identifier: Apache-2.0
/** The parent's side: opens servers and drives their connections as the suite on the engine asks. */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { decode, encode, type Request } from "./protocol.js";

/** What of `Platform` of test/host is used; the objects behind it are driven by name. */
export interface ServingPlatform {
	readonly names: object;
	readonly tls?: {
		readonly certificates: object;
		readonly versions: readonly string[];
		listen(identity: never, options: never): Promise<object>;
	} | undefined;
	listen(): Promise<object>;
	listenWebSocket(identity: never, options: never): Promise<object>;
	readonly keys: {
		verify(...values: never[]): Promise<boolean>;
		makeSignature(bytes: never): Promise<object>;
		openRequest(request: never): Promise<string>;
	};
	closedPort(): Promise<object>;
	echo(): Promise<object>;
}

type Driven = Record<string, unknown>;

class Desk {
	#platform: ServingPlatform;
	#objects = new Map<number, Driven>();
	#lastRef = 0;

	constructor(platform: ServingPlatform) {
		this.#platform = platform;
	}

	#keep(object: object, ...shown: string[]): object {
		const ref = ++this.#lastRef;
		this.#objects.set(ref, object as Driven);
		return { ref, ...Object.fromEntries(shown.map((name) => [name, (object as Driven)[name]])) };
	}

	async answer({ on, method, values }: Request): Promise<unknown> {
		if (on === 0) return this.#answerPlatform(method, values);
		const object = this.#objects.get(on)!;
		if (method === "ended") return object["ended"];
		const result = await (object[method] as (...values: unknown[]) => unknown).call(object, ...values);
		return method === "accept" ? this.#keep(result as object, "secure") : result;
	}

	async #answerPlatform(method: string, values: unknown[]): Promise<unknown> {
		const { tls, names } = this.#platform;
		switch (method) {
		case "describe": return { names, certificates: tls?.certificates, versions: tls?.versions };
		case "closedPort": return this.#platform.closedPort();
		case "verify": return this.#platform.keys.verify(...values as never[]);
		case "makeSignature": return this.#platform.keys.makeSignature(values[0] as never);
		case "openRequest": return this.#platform.keys.openRequest(values[0] as never);
		case "echo": return this.#keep(await this.#platform.echo(), "address", "port");
		case "listen": return this.#keep(await this.#platform.listen(), "address", "port");
		case "listenWebSocket": return this.#keep(await this.#platform.listenWebSocket((values[0] ?? undefined) as never, values[1] as never), "address", "port");
		case "listenTLS": return this.#keep(await tls!.listen(values[0] as never, values[1] as never), "address", "port");
		default: throw new Error(`no method ${method}`);
		}
	}
}

function serve(socket: Socket, desk: Desk): void {
	let text = "";
	socket.setNoDelay(true);
	socket.on("error", () => socket.destroy());
	socket.setEncoding("utf8");
	socket.on("data", (chunk: string) => {
		const lines = (text + chunk).split("\n");
		text = lines.pop()!;
		for (const line of lines) {
			const request = decode(line, (text) => Buffer.from(text)) as Request;
			const { id } = request;
			void desk.answer(request).then(
				(value) => { if (id !== undefined) socket.write(encode({ id, value })); },
				(error: unknown) => { if (id !== undefined) socket.write(encode({ id, error: String(error) })); },
			);
		}
	});
}

export async function startDesk(platform: ServingPlatform): Promise<{ port: number; close(): void }> {
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		serve(socket, new Desk(platform));
	});
	await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
	return {
		port: (server.address() as AddressInfo).port,
		close() {
			server.close();
			for (const socket of sockets) socket.destroy();
		},
	};
}
