/** Tables as CSV and Arrow. */
package dev.atelier.api.export;
