/** What all of the REST API shares: its settings, and the key that makes a request count once. */
package dev.atelier.api;
