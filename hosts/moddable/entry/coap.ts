// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/coap` of an application that includes our manifest by hand. */
export * from "moorline/dist/src/coap/index";
