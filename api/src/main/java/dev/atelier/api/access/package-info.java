/** Who is calling, what they may do, and what is written down of it. */
package dev.atelier.api.access;
