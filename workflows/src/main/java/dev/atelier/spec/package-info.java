/** What a user asks for, as records with their defaults, rules and costs. */
package dev.atelier.spec;
