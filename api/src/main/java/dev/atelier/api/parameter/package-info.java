/** What requests give beside their documents: pages, filters, keys, and what is wrong with them. */
package dev.atelier.api.parameter;
