"""Rupees as they are written in India."""

from __future__ import annotations

from decimal import Decimal


def rupees(amount: Decimal, *, signed: bool = False) -> str:
    """`₹1,23,456.50`, `−₹99.00`; with a plus sign where asked for. The amount is finite."""
    whole, _, paise = f"{abs(amount):.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    is_zero = not any(digit in "123456789" for digit in whole + paise)
    sign = "" if is_zero else "−" if amount < 0 else "+" if signed else ""
    return f"{sign}₹{','.join([*groups, tail])}.{paise}"
