/** Reads documents of users, says what is wrong where, and serves their schemas. */
package dev.atelier.api.spec;
