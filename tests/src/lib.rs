//! What the tests share: real programs are driven, nothing of the product is linked but its protocol.
