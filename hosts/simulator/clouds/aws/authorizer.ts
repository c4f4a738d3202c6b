// SPDX-License-Identifier: Apache-2.0
/**
 * Custom authorizers: who connects without a certificate is judged by a function, as AWS asks a Lambda function.
 *
 * Pure. What the function is told stands in the user name, `<user>?<name>=<value>&…`, or in the headers or the query of
 * the request that became a WebSocket. It is asked once, when the connection begins.
 */
import { Buffer } from "buffer";
import type { Client } from "../../broker/client.js";
import type { AwsPermit, AwsPrincipal } from "./policy.js";
import type { AwsPolicyDocument } from "./policy-document.js";
import { policyOf } from "./policy-document.js";

/** What the function is told: the event of AWS's Lambda. */
export interface AuthorizerRequest {
	readonly token: string | undefined;
	readonly signatureVerified: boolean;
	readonly protocols: readonly string[];
	readonly protocolData: {
		readonly tls: { readonly serverName: string | undefined };
		readonly http?: { readonly headers: Readonly<Record<string, string>>; readonly queryString: string } | undefined;
		/** The password in base64. */
		readonly mqtt: { readonly username: string | undefined; readonly password: string | undefined; readonly clientId: string };
	};
	readonly connectionMetadata: { readonly id: string };
}

export interface AuthorizerResult {
	readonly isAuthenticated: boolean;
	/** 1 to 128 letters and digits. */
	readonly principalId: string;
	/** 300 to 86,400. Default: the longest. */
	readonly disconnectAfterInSeconds?: number | undefined;
	readonly refreshAfterInSeconds?: number | undefined;
	/** At most ten, as documents or as their text. Absent, other than with AWS: the cloud's own policy. */
	readonly policyDocuments?: readonly (AwsPolicyDocument | string)[] | undefined;
}

export interface AwsAuthorizer {
	/** Clients that name another are refused; those that name none are taken to mean this one. */
	readonly name: string;
	/** Of the member that holds the token. Absent: no token is looked for. */
	readonly tokenKeyName?: string | undefined;
	/** Whether the signature of a token is right; absent: tokens are not signed. `signedBy` makes one of a public key. */
	readonly verify?: ((token: string, signature: Uint8Array) => boolean) | undefined;
	/** @returns `undefined` to refuse */
	readonly decide: (request: AuthorizerRequest) => AuthorizerResult | undefined;
}

const NAME_KEY = "x-amz-customauthorizer-name", SIGNATURE_KEY = "x-amz-customauthorizer-signature";
const PRINCIPAL_ID = /^[A-Za-z0-9]{1,128}$/;
const SECONDS_MINIMUM = 300, SECONDS_MAXIMUM = 86_400;
const DOCUMENTS_MAXIMUM = 10;
const DOCUMENT_MAXIMUM = 2048;

/** @returns `undefined` for who is refused */
export function authorizeBy({ name, tokenKeyName, verify, decide }: AwsAuthorizer, client: Client, connection: number): AwsPrincipal | undefined {
	const { clientId, username, password, origin: { serverName, request } } = client;
	const given = membersOf(username ?? "", request);
	if (!given || (given.get(NAME_KEY) ?? name) !== name) return undefined;
	const token = tokenKeyName === undefined ? undefined : given.get(tokenKeyName);
	const signature = given.get(SIGNATURE_KEY);
	const signatureVerified = verify !== undefined && token !== undefined && signature !== undefined && verify(token, Buffer.from(signature, "base64"));
	// AWS does not even ask the function.
	if (verify && !signatureVerified) return undefined;
	const result = decide({
		token, signatureVerified, protocols: request ? ["tls", "http", "mqtt"] : ["tls", "mqtt"],
		protocolData: {
			tls: { serverName }, http: request && { headers: request.headers, queryString: request.url },
			mqtt: { username, password: password && Buffer.from(password).toString("base64"), clientId },
		},
		connectionMetadata: { id: `connection-${connection}` },
	});
	return result && principalOf(result, clientId);
}

/** A result that is not as AWS wants it refuses, too. */
function principalOf(result: AuthorizerResult, clientId: string): AwsPrincipal | undefined {
	const { isAuthenticated, principalId, disconnectAfterInSeconds: seconds = SECONDS_MAXIMUM, policyDocuments } = result;
	if (!isAuthenticated || !PRINCIPAL_ID.test(principalId) || !(seconds >= SECONDS_MINIMUM && seconds <= SECONDS_MAXIMUM)) return undefined;
	const policy = policyDocuments && readPolicy(policyDocuments);
	if (policy === null) return undefined;
	return { kind: "authorizer", id: principalId, thing: clientId, clientId, policy, lifetime: seconds * 1000 };
}

/** @returns null for what is none */
function readPolicy(documents: readonly (AwsPolicyDocument | string)[]): AwsPermit | null {
	const texts = documents.map(document => typeof document === "string" ? document : JSON.stringify(document));
	if (texts.length > DOCUMENTS_MAXIMUM || texts.some(({ length }) => length > DOCUMENT_MAXIMUM)) return null;
	try {
		return policyOf(...texts.map(text => JSON.parse(text) as AwsPolicyDocument));
	} catch {
		return null;
	}
}

/** All that was given, the user name's members before headers, and those before the query's. @returns `undefined` when ill-formed */
function membersOf(username: string, request: Client["origin"]["request"]): Map<string, string> | undefined {
	const members = new Map<string, string>();
	try {
		readMembers(queryOf(request?.url ?? ""), members);
		for (const [name, value] of Object.entries(request?.headers ?? {})) members.set(name, value);
		readMembers(queryOf(username), members);
	} catch {
		return undefined;
	}
	return members;
}

/** @throws URIError */
function readMembers(query: string, members: Map<string, string>): void {
	for (const member of query.split("&")) {
		const equals = member.indexOf("=");
		if (equals > 0) members.set(decodeURIComponent(member.slice(0, equals)), decodeURIComponent(member.slice(equals + 1)));
	}
}

function queryOf(text: string): string {
	const at = text.indexOf("?");
	return at < 0 ? "" : text.slice(at + 1);
}
