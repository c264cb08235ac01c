/** Webhooks over REST, and what starts their deliveries. */
package dev.atelier.api.webhook;
