// SPDX-License-Identifier: Apache-2.0
/**
 * Who a client is for AWS IoT, and what it may do by default.
 *
 * Pure. The default policy is what the vendor's guides advise for a fleet: a thing connects by its own name, and touches
 * its own topics, Basic Ingest, and what is nobody's; a claim certificate is good for provisioning alone.
 */

export interface AwsPrincipal {
	/** By the certificate of a thing, by that of a claim, by a custom authorizer, or, without TLS, by its word. */
	readonly kind: "thing" | "claim" | "authorizer" | "unproved";
	/** SHA-256 of the certificate, the authorizer's `principalId`, or the client id. */
	readonly id: string;
	/** Absent for a claim. */
	readonly thing: string | undefined;
	readonly clientId: string;
	/** What it may do; absent: what the cloud permits everybody. */
	readonly policy?: AwsPermit | undefined;
	/** Milliseconds that its connection may last; absent: for ever. */
	readonly lifetime?: number | undefined;
}

export type AwsAction = "connect" | "publish" | "subscribe" | "retain";

/** @param resource client id, topic, or, of `subscribe`, the filter, of a shared one the part behind the name */
export type AwsPermit = (principal: AwsPrincipal, action: AwsAction, resource: string) => boolean;

const PROVISIONING: readonly string[] = Object.freeze([
	"$aws/certificates/create/", "$aws/certificates/create-from-csr/", "$aws/provisioning-templates/",
]);

export function devicePolicy(principal: AwsPrincipal, action: AwsAction, resource: string): boolean {
	const { kind, thing, clientId } = principal;
	if (kind === "claim") return action === "connect" || PROVISIONING.some(prefix => resource.startsWith(prefix));
	if (action === "connect") return kind === "authorizer" || resource === thing;
	// No wildcard concerns a topic that begins with `$`.
	if (!resource.startsWith("$")) return true;
	if (resource.startsWith("$aws/rules/")) return action === "publish";
	return resource.startsWith(`$aws/things/${thing}/`) || resource.startsWith(`$aws/commands/things/${thing}/`)
		|| resource.startsWith(`$aws/commands/clients/${clientId}/`);
}
