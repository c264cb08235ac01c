/** Writes a message in the form of its webhook, and brings it to its receiver: HTTP or SMTP. */
package dev.atelier.webhook;
