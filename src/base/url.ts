// SPDX-License-Identifier: Apache-2.0
/** Endpoints as URLs: no platform of ours but Node has a parser, and all that is needed is three parts. */
import { DeviceError } from "./error.js";

export interface Endpoint {
	/** Lower case, without the colon. */
	scheme: string;
	/** Name or IP address, an IPv6 address without its brackets. */
	name: string;
	port: number;
}

/**
 * Parses `scheme://name[:port]`; what may follow behind a slash is not for us.
 * @param ports default ports, by the schemes that are accepted
 * @throws DeviceError `argument`
 */
export function parseEndpoint(url: string, ports: Readonly<Record<string, number>>): Endpoint {
	const parts = /^([a-z][a-z0-9+.-]*):\/\/(?:\[([0-9a-f:.]+)\]|([^:/?#[\]@]+))(?::([0-9]{1,5}))?\/?$/i.exec(url);
	const scheme = parts?.[1]?.toLowerCase() ?? "";
	const port = parts?.[4] === undefined ? ports[scheme] ?? 0 : Number(parts[4]);
	const name = parts?.[2] ?? parts?.[3];
	if (name === undefined || !Object.hasOwn(ports, scheme) || port < 1 || port > 65535) {
		throw new DeviceError("argument", `"${url}" is no endpoint: ${Object.keys(ports).join(" or ")}://name:port`);
	}
	return { scheme, name, port };
}
