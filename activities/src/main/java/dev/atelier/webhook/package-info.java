/** Signs a message and posts it to its receiver. */
package dev.atelier.webhook;
